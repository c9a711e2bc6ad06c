"""Axes that show what matters: plain ticks on log axes, zero on a log axis, accuracies close to 100 %."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import ceil, floor, log10
from typing import Any, Literal, TypeAlias

import numpy as np
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

Scale: TypeAlias = Literal["linear", "log", "log or zero", "accuracy"]
"""How an axis is measured.

- ``"log"``: positive values.
- ``"log or zero"``: values >= 0, for a mass that is lost. Logarithmic down to the smallest positive value (eight
  decades at most), below that linear, with 0 at the bottom.
- ``"accuracy"``: percentages, spaced by the logarithm of the *error* 100 - accuracy: halving the error is the same
  distance everywhere, so that 98 and 99 lie as far apart as 80 and 90.
"""

_DECADES = 8  # further down a positive value is as good as none
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def apply_scale(axis: Axis, scale: Scale, values: Iterable[np.ndarray], *, margin: bool = True) -> None:
    """Scale, limits and ticks of ``axis`` for the finite ``values`` drawn along it, on a log axis with a margin or not.

    A linear axis keeps matplotlib's own limits and ticks.
    """
    flat = np.concatenate([np.empty(0), *values])
    if scale == "accuracy":
        _accuracy(axis, flat)
    elif scale == "log or zero" and flat.size and flat.min() <= 0:
        _log_or_zero(axis, flat)
    elif scale != "linear" and flat.size and (flat > 0).any():
        _log(axis, flat[flat > 0], margin)


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks that people read for a log axis from ``low`` to ``high``: as many as fit, in the roundest numbers.

    Example:
        >>> log_ticks(0.08, 2.5)
        [0.1, 0.2, 0.5, 1.0, 2.0]
        >>> log_ticks(1e-9, 1)
        [1e-09, 1e-07, 1e-05, 0.001, 0.1]
    """
    decades = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    sets = [
        [tick for tick in (float(f"{digit}e{decade}") for decade, digit in product(decades, digits))
         if low * 0.999 <= tick <= high * 1.001]
        for digits in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 5), (1, 3), (1,))
    ]  # fmt: skip
    fitting = [ticks for ticks in sets if 3 <= len(ticks) <= 6]
    if fitting:
        return fitting[0] if len(fitting[0]) > 4 or len(fitting) == 1 else max(fitting, key=len)
    if len(sets[-1]) > 6:
        return sets[-1][:: ceil(len(sets[-1]) / 6)]
    return [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]


def tick_label(value: float) -> str:
    """A number as people write it.

    Example:
        >>> tick_label(0.01), tick_label(20.0), tick_label(1e-6), tick_label(3e-6)
        ('0.01', '20', '10⁻⁶', '3·10⁻⁶')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.10g}"
    digits, exponent = f"{value:.10e}".split("e")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    digits = f"{float(digits):g}"
    return power if digits == "1" else f"{digits}·{power}"


def _set(axis: Axis, limits: tuple[float, float], ticks: Sequence[float], labels: Sequence[str]) -> None:
    (axis.axes.set_xlim if isinstance(axis, XAxis) else axis.axes.set_ylim)(*limits)
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter(labels))
    axis.set_minor_locator(NullLocator())


def _set_scale(axis: Axis, name: str, **options: Any) -> None:
    (axis.axes.set_xscale if isinstance(axis, XAxis) else axis.axes.set_yscale)(name, **options)


def _log(axis: Axis, values: np.ndarray, margin: bool) -> None:
    low, high = float(values.min()), float(values.max())
    if margin or low == high:
        low, high = _widened(low, high)
    _set_scale(axis, "log")
    ticks = log_ticks(low, high)
    _set(axis, (low, high), ticks, [tick_label(tick) for tick in ticks])


def _log_or_zero(axis: Axis, values: np.ndarray) -> None:
    positive = values[values > 0]
    if not positive.size:
        _set(axis, (-0.05, 1.0), [0.0], ["0"])
        return
    high = positive.max()
    smallest = max(positive.min(), high * 10.0**-_DECADES)
    linear_below = 10.0 ** floor(log10(smallest) + 1e-9)
    _set_scale(axis, "symlog", linthresh=linear_below, linscale=0.7)
    ticks = [0.0, *log_ticks(linear_below, high * 1.5)]
    _set(axis, (-0.15 * linear_below, high * 2.0), ticks, [tick_label(tick) for tick in ticks])


def _accuracy(axis: Axis, values: np.ndarray) -> None:
    if not values.size:
        return
    errors = 100.0 - values
    positive = errors[errors > 0]
    smallest = max(positive.min(), 0.01) if positive.size else 1.0
    largest = min(max(errors.max() * 1.05, 3 * smallest), max(errors.max(), 100.0))

    # The inverse hyperbolic sine is the logarithm for errors above the smallest one, and still finite at none at all.
    def forward(accuracy: Any) -> Any:
        return -np.arcsinh((100.0 - accuracy) / smallest)

    def inverse(place: np.ndarray) -> np.ndarray:
        return 100.0 + smallest * np.sinh(place)

    _set_scale(axis, "function", functions=(forward, inverse))
    top = 100.0 + 0.1 * smallest if errors.min() < smallest else 100.0 - 0.75 * smallest
    low, high = 100.0 - largest, top
    ticks = _accuracy_ticks(low, high)
    ticks = _thinned(ticks, lambda tick: (forward(tick) - forward(low)) / (forward(high) - forward(low)))
    _set(axis, (low, high), ticks, [tick_label(tick) for tick in ticks])


def _accuracy_ticks(low: float, high: float) -> list[float]:
    """Accuracies that may be marked in [low, high], the roundest first."""
    rounds = [(1, 2, 5), (3, 4, 6, 7, 8)]
    errors = [float(f"{digit}e{decade}") for digits in rounds for decade, digit in product(range(1, -3, -1), digits)]
    return [tick for tick in [100.0, *(round(100.0 - error, 6) for error in errors), 0.0] if low <= tick <= high]


def _thinned(ticks: Sequence[float], place: Callable[[float], float], gap: float = 0.09) -> list[float]:
    """Those of ``ticks`` whose labels do not collide, the first ones before the later ones."""
    kept: list[float] = []
    for tick in ticks:
        if all(abs(place(tick) - place(other)) >= gap for other in kept):
            kept.append(tick)
    return kept


def _widened(low: float, high: float, at_least: float = 3.0) -> tuple[float, float]:
    """Log limits around [low, high] with a margin, and far enough apart that a constant is not blown up."""
    margin = max((high / low) ** 0.07, (at_least * low / high) ** 0.5, 1.05)
    return low / margin, high * margin
