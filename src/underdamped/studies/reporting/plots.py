"""Figures: panels of curves, points, maps and estimates, side by side with one legend, in the house style."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from underdamped import _checks
from underdamped.studies.reporting.marks import Curve, Entry, Estimate, Map, Mark, Points, draw_marks, entries, extent
from underdamped.studies.reporting.scales import Scale, apply_scale
from underdamped.studies.reporting.style import Look, house_style, line_style, looks, to_pdf, to_svg

__all__ = [
    "Curve", "Estimate", "Look", "Map", "Panel", "Points", "draw", "figure", "house_style", "looks", "to_pdf", "to_svg",
]  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """One pair of axes: what is drawn in it and how it is measured.

    Attributes:
        title: What is shown.
        xlabel: Abscissa and its unit.
        ylabel: Ordinate and its unit; unused for estimates, whose rows carry names.
        contents: Curves, points and maps in any mixture, or estimates alone from top to bottom.
        scale: Of the ordinate for curves, of the abscissa for estimates.
        xscale: Of the abscissa, but for estimates.
        xlim: Ends of the abscissa, where panels are to be compared; whole numbers mark it as a count.
        ylim: Ends of the ordinate on a linear scale; the whole of the contents if None.
        alike: Panels whose values the scaled axis has to hold too, so that they can be compared.
        size: Width and height in inches, on paper.
    """

    title: str
    xlabel: str
    ylabel: str
    contents: Sequence[Mark]
    scale: Scale = "linear"
    xscale: Scale = "linear"
    xlim: tuple[float, float] | None = None
    ylim: tuple[float, float] | None = None
    alike: "Sequence[Panel]" = ()
    size: tuple[float, float] = field(default=(4.6, 3.3))


def figure(panels: Sequence[Panel], columns: int = 2, legend: bool = True) -> Figure:
    """Panels side by side, with one legend above them all.

    Args:
        panels: At least one.
        columns: Panels in a row.
        legend: Whether curves are named; estimates name themselves.

    Returns:
        A figure that belongs to no window and no global state. Save it with ``to_svg`` or ``to_pdf``.

    Raises:
        ValueError: If there is no panel.

    Example:
        >>> curve = Curve("SGD", looks(["SGD"])["SGD"], x=[0, 1, 2], y=[1.0, 0.5, 0.25])
        >>> len(figure([Panel("Loss", "epoch", "mean loss", [curve])]).axes)
        1
    """
    if not panels:
        raise _checks.fail("panels", "at least one panel", list(panels), "there is nothing to draw")
    columns = min(columns, len(panels))
    rows = ceil(len(panels) / columns)
    with house_style():
        handles = [_handle(entry) for entry in entries(m for p in panels for m in p.contents)] if legend else []
        width = columns * max(panel.size[0] for panel in panels)
        legend_height = 0.24 * ceil(len(handles) / _legend_columns(handles, width)) + 0.1 if handles else 0.0
        height = rows * max(panel.size[1] for panel in panels)
        result = Figure(figsize=(width, height + legend_height), layout="constrained")
        grid = result.subplots(rows, columns, squeeze=False)
        for axes, panel in zip(grid.flat, panels, strict=False):
            draw(panel, axes)
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        if handles:
            result.legend(handles=handles, loc="outside upper left", ncols=_legend_columns(handles, width))
    return result


def draw(panel: Panel, axes: Axes) -> None:
    """Draw ``panel`` into ``axes``, for those who lay out a figure of their own inside ``house_style()``."""
    axes.set_title(panel.title)
    axes.set_xlabel(panel.xlabel)
    draw_marks(panel.contents, axes)
    together = [mark for each in (panel, *panel.alike) for mark in each.contents]
    if any(isinstance(mark, Estimate) for mark in panel.contents):
        apply_scale(axes.xaxis, panel.scale, extent(together, "x"))
        return
    axes.set_ylabel(panel.ylabel)
    is_map = any(isinstance(mark, Map) for mark in panel.contents)
    apply_scale(axes.xaxis, panel.xscale, extent(together, "x"), margin=not is_map)
    apply_scale(axes.yaxis, panel.scale, extent(together, "y"), margin=not is_map)
    if panel.xlim is not None:
        start, end = panel.xlim
        margin = 0.0 if is_map or panel.xscale != "linear" else 0.02 * (end - start)
        axes.set_xlim(start - margin, end + margin)
        if panel.xscale == "linear":
            axes.xaxis.set_major_locator(
                MaxNLocator(6, steps=[1, 2, 5, 10], integer=isinstance(end, int), min_n_ticks=1)
            )
    if panel.ylim is not None:
        axes.set_ylim(*panel.ylim)


def _handle(entry: Entry) -> Line2D | Patch:
    if entry.shape == "area":
        return Patch(color=entry.look.color, label=entry.label)
    if entry.shape == "dot":
        return Line2D([], [], color=entry.look.color, linestyle="none", marker="o", markersize=5, label=entry.label)
    return Line2D([], [], color=entry.look.color, linestyle=line_style(entry.look), label=entry.label)


def _legend_columns(handles: Sequence[Line2D | Patch], width: float) -> int:
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    return max(1, min(len(handles), int(width / (0.085 * longest + 0.6))))
