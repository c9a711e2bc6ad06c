"""What panels are made of: curves, points with intervals, rows of a dot plot, maps; and how each is drawn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, LogNorm, Normalize
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator
from matplotlib.typing import CapStyleType

from underdamped import _checks
from underdamped.studies.reporting.scales import log_ticks, tick_label
from underdamped.studies.reporting.style import Look, line_style


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
class Points:
    """Measured values, each a dot with its interval, not joined: what lies between was not measured.

    Attributes:
        label: Name in the legend.
        look: Colour.
        x: Abscissae, shape (T,).
        y: Values, shape (T,).
        low: Lower ends of the intervals, shape (T,), or None.
        high: Upper ends of the intervals, shape (T,), or None.
    """

    label: str
    look: Look
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray | None = None
    high: Sequence[float] | np.ndarray | None = None


@dataclass(frozen=True)
class Map:
    """A quantity over a grid in colour: shades with a bar beside them, or a few classes with names in the legend.

    Values that are not finite stay white. Curves in the same panel are drawn over it.

    Attributes:
        label: What the colours measure, with its unit; stands at the bar. Unused with classes.
        x: Abscissae of the columns, shape (W,), increasing.
        y: Ordinates of the rows, shape (H,), increasing.
        values: Shape (H, W); with classes the number of the class.
        limits: Ends of the colours, so that maps can be compared; the range of the values if None.
        scale: Of the colours.
        diverging: Whether the middle of the limits is neutral and the two sides differ in hue.
        classes: Name and colour of each class.
    """

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    values: np.ndarray
    limits: tuple[float, float] | None = None
    scale: Literal["linear", "log"] = "linear"
    diverging: bool = False
    classes: Sequence[tuple[str, str]] = ()

    def __post_init__(self) -> None:
        """Check that the grid fits."""
        shape, grid = np.shape(self.values), (len(self.y), len(self.x))
        if shape != grid:
            raise _checks.fail("values", f"of shape {grid}", shape, "one row for each y, one column for each x")


Mark: TypeAlias = Curve | Points | Map | Estimate
"""Anything that can be drawn in a panel."""


@dataclass(frozen=True)
class Entry:
    """One name in a legend.

    Attributes:
        label: The name.
        look: Colour and dashes.
        shape: What stands beside the name.
    """

    label: str
    look: Look
    shape: Literal["line", "dot", "area"] = "line"


def entries(marks: Iterable[Mark]) -> list[Entry]:
    """What a legend has to name, each once; nothing where a single name would only repeat the title.

    Example:
        >>> look = Look("#000000")
        >>> [entry.label for entry in entries([Curve("a", look, [0], [0]), Points("b", look, [0], [0])])]
        ['a', 'b']
    """
    found: dict[str, Entry] = {}
    for mark in marks:
        match mark:
            case Curve() if mark.label:
                found[mark.label] = Entry(mark.label, mark.look)
            case Points() if mark.label:
                found.setdefault(mark.label, Entry(mark.label, mark.look, "dot"))
            case Map():
                found |= {name: Entry(name, Look(color), "area") for name, color in mark.classes}
            case _:
                pass
    return list(found.values()) if len(found) > 1 else []


def extent(marks: Iterable[Mark], axis: Literal["x", "y"]) -> list[np.ndarray]:
    """The finite values that the ``axis`` has to hold."""
    found: list[np.ndarray] = []
    for mark in marks:
        match mark:
            case Estimate():
                found += [_finite(value) for value in (mark.values, mark.low, mark.high)] if axis == "x" else []
            case Map():
                found.append(_finite(mark.x if axis == "x" else mark.y))
            case _:
                found += [_finite(mark.x)] if axis == "x" else [_finite(v) for v in (mark.y, mark.low, mark.high)]
    return found


def draw_marks(marks: Sequence[Mark], axes: Axes) -> None:
    """Draw ``marks`` into ``axes``: maps lowest, then bands, curves, points."""
    curves = [mark for mark in marks if isinstance(mark, Curve)]
    estimates = [mark for mark in marks if isinstance(mark, Estimate)]
    stripes = _stripes(curves)
    for mark in marks:
        match mark:
            case Curve():
                _draw_curve(mark, axes, stripes.get(id(mark)), shade=0.16 if len(curves) <= 5 else 0.08)
            case Points():
                _draw_points(mark, axes)
            case Map():
                _draw_map(mark, axes)
            case Estimate():
                pass
    if estimates:
        _draw_estimates(estimates, axes)


def _finite(values: object) -> np.ndarray:
    numbers = np.atleast_1d(np.asarray(values if values is not None else [], dtype=float))
    return numbers[np.isfinite(numbers)]


def _array(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """As floats, with gaps for what no axis can show (infinities, None)."""
    numbers = np.asarray(values, dtype=float)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _draw_curve(curve: Curve, axes: Axes, stripe: tuple[int, int] | None, shade: float) -> None:
    x, y = _array(curve.x), _array(curve.y)
    style = line_style(curve.look)
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


def _draw_points(points: Points, axes: Axes) -> None:
    x, y = _array(points.x), _array(points.y)
    if points.low is not None and points.high is not None:
        axes.vlines(x, _array(points.low), _array(points.high), color=points.look.color, linewidth=1.4, zorder=4)
    axes.plot(x, y, "o", color=points.look.color, markersize=4.5, mew=0, label=points.label, zorder=5)


def _draw_map(grid: Map, axes: Axes) -> None:
    values = _array(grid.values)
    axes.grid(visible=False)
    if grid.classes:
        colors, norm = ListedColormap([color for _, color in grid.classes]), Normalize(-0.5, len(grid.classes) - 0.5)
        _mesh(grid, values, axes, colors, norm)
        return
    finite = _finite(values[values > 0] if grid.scale == "log" else values)
    low, high = grid.limits or ((finite.min(), finite.max()) if finite.size else (0.0, 1.0))
    norm = (LogNorm if grid.scale == "log" else Normalize)(low, high if high > low else low + 1.0)
    mesh = _mesh(grid, values, axes, "RdBu_r" if grid.diverging else "viridis", norm)
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, aspect=28)
    bar.set_label(grid.label)
    bar.outline.set_visible(False)  # pyright: ignore[reportCallIssue]
    if grid.scale == "log":
        ticks = log_ticks(low, high)
        bar.ax.yaxis.set_major_locator(FixedLocator(ticks))
        bar.ax.yaxis.set_major_formatter(FixedFormatter([tick_label(tick) for tick in ticks]))
        bar.ax.yaxis.set_minor_locator(NullLocator())


def _mesh(grid: Map, values: np.ndarray, axes: Axes, colors: str | Colormap, norm: Normalize):
    """Cells around the grid's points, as an image: thousands of shapes would make a page slow."""
    return axes.pcolormesh(
        _array(grid.x), _array(grid.y), values, cmap=colors, norm=norm, shading="nearest", rasterized=True, zorder=0
    )


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
