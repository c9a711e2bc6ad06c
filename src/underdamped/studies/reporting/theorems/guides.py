"""Lines that a theory draws through measured points: its exponent is theirs to show, its constant is the points'."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from underdamped.studies.reporting.marks import Curve
from underdamped.studies.reporting.style import Look

GUIDE_DASHES = (4.0, 1.6)


def guide(label: str, look: Look, x: Sequence[float], shape: Sequence[float], through: tuple[float, float]) -> Curve:
    """A dashed curve of the given shape, scaled to pass through a point.

    Args:
        label: name in the legend; empty for none.
        look: its colour.
        x: abscissae.
        shape: ordinates up to a factor.
        through: a point: one of the abscissae, and the ordinate there.

    Returns:
        The curve.

    Example:
        >>> guide("√x", Look("#000000"), [1.0, 4.0], [1.0, 2.0], through=(4.0, 10.0)).y.tolist()
        [5.0, 10.0]
    """
    at, value = through
    place = int(np.argmin(np.abs(np.asarray(x) - at)))
    scale = value / np.asarray(shape, dtype=float)[place]
    return Curve(label, replace(look, dashes=GUIDE_DASHES), x, scale * np.asarray(shape, dtype=float))
