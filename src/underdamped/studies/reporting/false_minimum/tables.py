"""What the sections take from the records: grids, curves, and lines that hold a measurement beside a prediction."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl


class Verdict(NamedTuple):
    """A measurement beside what it is held against.

    Attributes:
        what: was measured.
        predicted: by a closed form or a proof.
        measured: the same from the records.
        verdict: "agrees", "does not agree: ..." or "no verdict: ..." with the reason.
    """

    what: str
    predicted: str
    measured: str
    verdict: str


class Grid(NamedTuple):
    """A quantity over friction and mass.

    Attributes:
        frictions: shape (W,), increasing.
        masses: shape (H,), increasing.
        values: shape (H, W).
        low: lower ends of the intervals, NaN where there is none.
        high: upper ends.
    """

    frictions: np.ndarray
    masses: np.ndarray
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def select(records: pl.DataFrame, experiment: str, quantity: str, series: str | None = None) -> pl.DataFrame:
    """Rows of one quantity of one experiment, of one series or of all."""
    chosen = (pl.col("experiment") == experiment) & (pl.col("quantity") == quantity)
    return records.filter(chosen if series is None else chosen & (pl.col("series") == series))


def grid(records: pl.DataFrame, experiment: str, quantity: str, series: str) -> Grid:
    """A recorded map; entries that are missing are an error of the records."""
    rows = select(records, experiment, quantity, series).sort("y", "x")
    frictions, masses = (rows[name].unique().sort().to_numpy() for name in ("x", "y"))
    shape = (len(masses), len(frictions))
    tables = [rows[name].cast(pl.Float64).to_numpy().reshape(shape) for name in ("value", "low", "high")]
    return Grid(frictions, masses, *tables)


def beside(inside: np.ndarray) -> np.ndarray:
    """Cells that lie on an edge of the set ``inside``, or touch such a cell: within one cell of the curve.

    Args:
        inside: shape (H, W), booleans.

    Returns:
        Booleans of that shape: whether the cell and its eight neighbours are not all alike.

    Example:
        >>> beside(np.array([[True, True, True, False]])).tolist()
        [[False, False, True, True]]
    """
    padded = np.pad(inside, 1, mode="edge")
    height, width = inside.shape
    blocks = [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.any(blocks, axis=0) & ~np.all(blocks, axis=0)


def judged(wrong: int, points: int) -> str:
    """The verdict on points that are held against a prediction; without a point there is none.

    Example:
        >>> judged(0, 25), judged(1, 25), judged(0, 0)
        ('agrees', 'does not agree: 1 point off', 'no verdict: no such point on this grid')
    """
    if points == 0:
        return "no verdict: no such point on this grid"
    return "agrees" if wrong == 0 else f"does not agree: {counted(wrong, 'point')} off"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "point"), counted(2, "point")
        ('1 point', '2 points')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Words with commas and an "and".

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), words[-1]])
