"""Films: a cloud of points that moves over a landscape, as a GIF, with a still for those who want nothing to move."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure

from underdamped import _checks
from underdamped.studies.reporting.style import house_style

_DPI = 110


@dataclass(frozen=True)
class Cloud:
    """One panel of a film: points over a landscape.

    Attributes:
        title: What moves.
        x: Abscissae of the landscape, (W,).
        y: Ordinates, (H,).
        height: The landscape, (H, W).
        positions: Of the points at each time, (T, M, 2).
        goal: A place to mark, or None.
    """

    title: str
    x: np.ndarray
    y: np.ndarray
    height: np.ndarray
    positions: np.ndarray
    goal: tuple[float, float] | None = None


def film(clouds: Sequence[Cloud], captions: Sequence[str], *, per_second: int = 8) -> tuple[bytes, bytes]:
    """Draw clouds side by side.

    Args:
        clouds: The panels, all of T times.
        captions: One a time, such as "t = 3.0"; shown above.
        per_second: Frames a second.

    Returns:
        The film as GIF, and its last frame as PNG.

    Raises:
        ValueError: If the panels and captions differ in their number of times.
    """
    lengths = {len(cloud.positions) for cloud in clouds} | {len(captions)}
    if len(lengths) != 1 or 0 in lengths:
        raise _checks.fail("clouds", "of as many times as captions, at least one", sorted(lengths), "one frame a time")
    with house_style():
        drawing = Figure(figsize=(3.5 * len(clouds), 3.9), dpi=_DPI, layout="constrained")
        axes = drawing.subplots(1, len(clouds), squeeze=False)[0]
        dots = []
        for cloud, place in zip(clouds, axes, strict=True):
            place.set_title(cloud.title)
            place.contourf(cloud.x, cloud.y, cloud.height, levels=8, cmap="Greys", alpha=0.55)
            if cloud.goal is not None:
                place.plot(*cloud.goal, "+", color="#D55E00", markersize=15, mew=2.5, zorder=2)
            dots += place.plot([], [], "o", color="#0072B2", markersize=3.5, mew=0, zorder=3)
            place.set(xlim=(cloud.x[0], cloud.x[-1]), ylim=(cloud.y[0], cloud.y[-1]), aspect="equal")
            place.set(xlabel="$q_1$", ylabel="$q_2$")
            place.grid(visible=False)
        heading = drawing.suptitle(captions[0], x=0.02, ha="left", fontsize=10)

        def show(frame: int) -> list:
            heading.set_text(captions[frame])
            for dot, cloud in zip(dots, clouds, strict=True):
                dot.set_data(cloud.positions[frame, :, 0], cloud.positions[frame, :, 1])
            return [*dots, heading]

        moving = FuncAnimation(drawing, show, frames=len(captions), blit=False)
        with tempfile.TemporaryDirectory() as folder:  # the writer takes no buffer
            path = Path(folder, "film.gif")
            moving.save(path, writer=PillowWriter(fps=per_second), dpi=_DPI)
            gif = path.read_bytes()
        show(len(captions) - 1)
        still = io.BytesIO()
        drawing.savefig(still, format="png", dpi=_DPI, metadata={"Software": None})
    return gif, still.getvalue()
