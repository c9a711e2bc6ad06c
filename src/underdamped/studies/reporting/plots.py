"""The house style of figures, and panels of curves and of estimates drawn in it."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from matplotlib.typing import CapStyleType, LineStyleType, RcKeyType

from underdamped import _checks
from underdamped.studies.reporting.scales import Scale, apply_scale

Dashes: TypeAlias = Literal["solid"] | tuple[float, ...]

# Okabe and Ito's colours, safe for colour-blind readers, without their yellow, which vanishes on white paper. Dashes
# tell apart the second seven, and all of them in black and white.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_DASHES: tuple[Dashes, ...] = ("solid", (4.0, 1.6), (1.2, 1.4))
_INK, _RULE = "#222222", "#dddddd"

_STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same layout on every machine
    "font.size": 10,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,  # text stays text in print shops and screen readers
    "svg.fonttype": "none",  # and on the page, where it takes the page's font
    "svg.hashsalt": "underdamped",  # the same figure gives the same file
    "text.color": _INK,
    "xtick.color": _INK,
    "xtick.labelsize": 9.5,
    "xtick.major.size": 3,
    "ytick.color": _INK,
    "ytick.labelsize": 9.5,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@dataclass(frozen=True)
class Look:
    """How one series looks, the same in every figure of a report.

    Attributes:
        color: Line colour.
        dashes: "solid", or lengths of strokes and gaps in line widths.
    """

    color: str
    dashes: Dashes = "solid"


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each name: seven colours, then the same seven dashed, then dotted.

    Example:
        >>> looks(["SGD", "hSGMP"])["SGD"]
        Look(color='#0072B2', dashes='solid')
    """
    styles = [Look(color, dashes) for dashes in _DASHES for color in _COLORS]
    return {name: styles[number % len(styles)] for number, name in enumerate(names)}


@dataclass(frozen=True)
class Curve:
    """A line, with a band around it where ``low`` and ``high`` are given.

    Values that are not finite leave a gap.

    Attributes:
        label: Name in the legend.
        look: Colour and dashes.
        x: Abscissae, shape (T,).
        y: Ordinates, shape (T,).
        low: Lower edge of the band, shape (T,), or None.
        high: Upper edge of the band, shape (T,), or None.
        broken: Whether the line ends because something failed there; a cross marks its end.
    """

    label: str
    look: Look
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray | None = None
    high: Sequence[float] | np.ndarray | None = None
    broken: bool = False


@dataclass(frozen=True)
class Estimate:
    """One row of a dot plot: a mean with its interval, and the single values it came from.

    Attributes:
        label: Name of the row.
        look: Colour.
        values: The single values, one a seed.
        mean: Their mean, or None.
        low: Lower end of the interval, or None.
        high: Upper end of the interval, or None.
    """

    label: str
    look: Look
    values: Sequence[float]
    mean: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes: what is drawn in it and how it is measured.

    Attributes:
        title: What is shown.
        xlabel: Abscissa and its unit.
        ylabel: Ordinate and its unit; unused for estimates, whose rows carry names.
        contents: Curves, or estimates from top to bottom.
        scale: Of the ordinate for curves, of the abscissa for estimates.
        xlim: Ends of the abscissa for curves, where panels are to be compared; whole numbers mark it as a count.
        alike: Panels whose values the scaled axis has to hold too, so that they can be compared.
        size: Width and height in inches, on paper.
    """

    title: str
    xlabel: str
    ylabel: str
    contents: Sequence[Curve] | Sequence[Estimate]
    scale: Scale = "linear"
    xlim: tuple[float, float] | None = None
    alike: "Sequence[Panel]" = ()
    size: tuple[float, float] = field(default=(4.6, 3.3))


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save in the house style; what the user has set before and after is left alone.

    Example:
        >>> before = mpl.rcParams["axes.grid"]
        >>> with house_style():
        ...     mpl.rcParams["axes.grid"]
        True
        >>> mpl.rcParams["axes.grid"] == before
        True
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's matplotlibrc must not change the figures of a report
        mpl.rcParams.update(_STYLE)
        yield


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
        handles = _legend_handles(panels) if legend else []
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
    estimates = [item for item in panel.contents if isinstance(item, Estimate)]
    curves = [item for item in panel.contents if isinstance(item, Curve)]
    if estimates:
        _draw_estimates(estimates, axes)
        apply_scale(axes.xaxis, panel.scale, [_finite(x) for e in estimates for x in (e.values, e.low, e.high)])
        return
    axes.set_ylabel(panel.ylabel)
    stripes = _stripes(curves)
    for curve in curves:
        _draw_curve(curve, axes, stripes.get(id(curve)), shade=0.16 if len(curves) <= 5 else 0.08)
    together = [item for each in (panel, *panel.alike) for item in each.contents if isinstance(item, Curve)]
    apply_scale(axes.yaxis, panel.scale, [_finite(x) for curve in together for x in (curve.y, curve.low, curve.high)])
    if panel.xlim is not None:
        start, end = panel.xlim
        margin = 0.02 * (end - start)
        axes.set_xlim(start - margin, end + margin)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=isinstance(end, int), min_n_ticks=1))


def to_svg(drawing: Figure) -> str:
    """The figure as SVG text, the same on every call and day."""
    buffer = io.StringIO()
    with house_style():
        drawing.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def to_pdf(drawing: Figure) -> bytes:
    """The figure as PDF, the same on every call and day."""
    buffer = io.BytesIO()
    with house_style():
        drawing.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def _finite(values: object) -> np.ndarray:
    numbers = np.atleast_1d(np.asarray(values if values is not None else [], dtype=float))
    return numbers[np.isfinite(numbers)]


def _array(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """As floats, with gaps for what no axis can show (infinities, None)."""
    numbers = np.asarray(values, dtype=float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _line_style(look: Look) -> LineStyleType:
    return "solid" if look.dashes == "solid" else (0.0, look.dashes)


def _draw_curve(curve: Curve, axes: Axes, stripe: tuple[int, int] | None, shade: float) -> None:
    x, y = _array(curve.x), _array(curve.y)
    style = _line_style(curve.look)
    cap: CapStyleType = "round" if style == "solid" else "butt"
    if stripe is not None:  # one of several equal curves: each takes its turn, so that all are seen
        place, number = stripe
        style, cap = (-4.0 * place, (4.0, 4.0 * (number - 1))), "butt"
    axes.plot(x, y, color=curve.look.color, linestyle=style, dash_capstyle=cap, label=curve.label, zorder=3)
    lone = np.isfinite(y) & ~_has_neighbour(y)
    axes.plot(x[lone], y[lone], "o", color=curve.look.color, markersize=4, zorder=3)
    if curve.broken and np.isfinite(y).any():
        end = np.flatnonzero(np.isfinite(y))[-1]
        axes.plot(x[end], y[end], "x", color=curve.look.color, markersize=8, mew=2.2, zorder=4)
    if curve.low is not None and curve.high is not None:
        low, high = (np.where(np.isfinite(y), _array(edge), np.nan) for edge in (curve.low, curve.high))
        axes.fill_between(x, low, high, color=curve.look.color, alpha=shade, linewidth=0, zorder=2)
        axes.vlines(x[lone], low[lone], high[lone], color=curve.look.color, linewidth=1, zorder=2)


def _has_neighbour(y: np.ndarray) -> np.ndarray:
    """Where a finite value lies next to another: elsewhere a line cannot be seen."""
    finite = np.isfinite(y)
    return np.append(finite[1:], False) | np.insert(finite[:-1], 0, False)


def _stripes(curves: Sequence[Curve]) -> dict[int, tuple[int, int]]:
    """For each curve that equals others: its place among them, and how many they are."""
    groups: dict[bytes, list[int]] = {}
    for curve in curves:
        key = np.round(np.stack([_array(curve.x), _array(curve.y)]), 12).tobytes()
        groups.setdefault(key, []).append(id(curve))
    return {
        name: (place, len(group)) for group in groups.values() if len(group) > 1 for place, name in enumerate(group)
    }


def _draw_estimates(estimates: Sequence[Estimate], axes: Axes) -> None:
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for row, estimate in enumerate(estimates):
        color = estimate.look.color
        axes.plot(estimate.values, [row] * len(estimate.values), "o", color=color, alpha=0.4, mew=0, markersize=6)
        if estimate.low is not None and estimate.high is not None:
            axes.plot([estimate.low, estimate.high], [row, row], color=color, linewidth=2)
        if estimate.mean is not None:
            axes.plot([estimate.mean], [row], "|", color=color, markersize=13, mew=2.4)
        # Above its row and not beside it: a long name must not take the width of a phone from the data.
        axes.text(0, row - 0.3, estimate.label, transform=axes.get_yaxis_transform(), va="bottom", size=9.5, bbox=paper)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_yticks([])
    axes.set_ylim(len(estimates) - 0.5, -0.9)
    axes.spines["left"].set_visible(False)


def _legend_handles(panels: Sequence[Panel]) -> list[Line2D]:
    curves = [item for panel in panels for item in panel.contents if isinstance(item, Curve)]
    named = {curve.label: curve.look for curve in curves}
    if len(named) < 2:
        return []
    return [Line2D([], [], color=look.color, linestyle=_line_style(look), label=name) for name, look in named.items()]


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    return max(1, min(len(handles), int(width / (0.085 * longest + 0.6))))
