"""How fast a mass is lost: the constant of assumption A3, and whether anything is left in the end."""

import math
import sys
from itertools import pairwise
from typing import NamedTuple

from underdamped import _checks
from underdamped.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    Scaled,
    Schedule,
)

POINTS = 2000
"""Stretches of the grid of the numerical checks, from time 0 to the horizon, even in $\\log(1 + t)$."""

TINY = 1e-290
"""Masses below it are not compared: near the end of the range of floats they show rounding, not the schedule."""

_LOG_ROUNDING = 4 * sys.float_info.epsilon
"""What the quotient of two masses, each right to within two units in the last place, may be off by."""

_NOTHING_TO_LOSE = "the mass is 0 from the start: this is the stochastic gradient process"


class DecayRate(NamedTuple):
    """The constant of A3, and how it was found.

    Attributes:
        value: the constant, per unit of the schedule's clock; ``inf`` if there is none.
        exact: True from a closed form; False from a grid, and then it is a *lower* bound.
    """

    value: float
    exact: bool


def decay_rate(mass: float | Schedule, *, horizon: float = 1e4) -> DecayRate:
    r"""The least constant of assumption A3: the largest relative loss of mass per unit of time.

    $$\lambda = \sup_t \frac{|m'(t)|}{m(t)}$$

    In closed form for this package's schedules: $\lambda$ for ``ExponentialDecay``, $-\log r$ for ``GeometricDecay``,
    $c\lambda$ for ``PowerDecay``, $(m_0-m_1)/(T m_1)$ for ``LinearDecay`` and $\pi(m_0-m_1)/(2T\sqrt{m_0 m_1})$ for
    ``CosineDecay``, which are infinite for the final value $m_1 = 0$. For any other callable: the largest slope of
    $\log m$ between neighbours on a grid up to ``horizon`` (``inf`` where it underflows between two points), which
    by the mean value theorem is never above the supremum; what rounding may have added is taken off.

    A schedule of the step count $k$ is one of time $t = kh$: divide its constant by $h$.

    Args:
        mass: $m$, a number or a Schedule of time.
        horizon: $T > 0$, end of the grid; used for other callables only.

    Returns:
        ``value`` and whether it is ``exact``.

    Raises:
        ValueError: If the mass is negative somewhere on the grid.

    Example:
        >>> from underdamped import LinearDecay, PowerDecay
        >>> decay_rate(PowerDecay(1.0, rate=0.5))
        DecayRate(value=0.5, exact=True)
        >>> decay_rate(LinearDecay(1.0, duration=10.0)).value  # all is lost at a finite time
        inf

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A3; closed forms derived here.
    """
    match mass:
        case Scaled():
            return decay_rate(mass.schedule, horizon=horizon) if mass.factor > 0 else DecayRate(0.0, True)
        case Constant() | PowerDecay() | ExponentialDecay() | GeometricDecay() | LinearDecay() | CosineDecay():
            return DecayRate(_closed_form(mass) if mass.initial > 0 else 0.0, True)
        case _ if callable(mass):
            values = [(t, _mass_at(mass, t)) for t in grid(horizon)]
            return DecayRate(max(_log_slope(*pair) for pair in pairwise(values)), False)
        case _:
            _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
            return DecayRate(0.0, True)


def _closed_form(mass: Schedule) -> float:
    match mass:
        case PowerDecay():
            return mass.power * mass.rate
        case ExponentialDecay():
            return mass.rate
        case GeometricDecay():
            return abs(math.log(mass.ratio)) if mass.ratio > 0 else math.inf  # abs: no -0.0 at ratio 1
        case LinearDecay(initial=start, final=end):
            return math.inf if end == 0 else (start - end) / (mass.duration * end)
        case CosineDecay(initial=start, final=end):
            # m'/m is a sin x / (b + c cos x), whose largest value is a / sqrt(b^2 - c^2); here b^2 - c^2 = m_0 m_1.
            return math.inf if end == 0 else math.pi * (start - end) / (2 * mass.duration * math.sqrt(start * end))
        case _:
            return 0.0


class Loss(NamedTuple):
    """Whether a mass is as Definition 8 asks, and the words for it.

    Attributes:
        holds: strictly decreasing to 0.
        exact: from a closed form rather than a grid.
        words: why, or why not.
    """

    holds: bool
    exact: bool
    words: str


def loses_all(mass: float | Schedule, horizon: float) -> Loss:
    """Whether the mass is strictly decreasing to 0, differentiable and never quite 0."""
    match mass:
        case Scaled():
            if mass.factor == 0:
                return Loss(False, True, _NOTHING_TO_LOSE)
            return loses_all(mass.schedule, horizon)
        case Constant() | PowerDecay() | ExponentialDecay() | GeometricDecay() | LinearDecay() | CosineDecay():
            return _known_loss(mass)
        case _ if callable(mass):
            return _loss_on_grid(mass, horizon)
        case _:
            return _known_loss(Constant(float(mass)))  # pyright: ignore[reportArgumentType]


def _known_loss(mass: Schedule) -> Loss:
    match mass:
        case _ if mass(0.0) == 0:
            return Loss(False, True, _NOTHING_TO_LOSE)
        case PowerDecay(rate=rate) | ExponentialDecay(rate=rate) if rate > 0:
            return Loss(True, True, "the mass decreases strictly to 0")
        case GeometricDecay(ratio=ratio) if 0 < ratio < 1:
            return Loss(True, True, "the mass decreases strictly to 0")
        case GeometricDecay(ratio=0):
            return Loss(False, True, "the mass jumps to 0 at once")
        case LinearDecay(initial=start, final=end) | CosineDecay(initial=start, final=end) if end < start:
            if end > 0:
                return Loss(False, True, f"the mass ends at {end:g}, not at 0")
            return Loss(False, True, f"the mass is 0 from time {mass.duration:g} on, and so not strictly decreasing")
        case _:
            return Loss(False, True, "the mass is constant: none is lost")


def _loss_on_grid(mass: Schedule, horizon: float) -> Loss:
    times = list(grid(horizon))
    values = [_mass_at(mass, t) for t in times]
    if not any(values):
        return Loss(False, False, _NOTHING_TO_LOSE)
    for t, (before, after) in zip(times, pairwise(values), strict=False):
        if max(before, after) < TINY:
            continue
        if after >= before:
            return Loss(False, False, f"the mass does not decrease after time {t:.3g}")
        if after == 0:  # a gradual fall underflows only from below TINY; this one is taken for a true zero
            return Loss(False, False, f"the mass is 0 soon after time {t:.3g}")
    last_decade = [value for t, value in zip(times, values, strict=True) if t >= horizon / 10]
    if last_decade[-1] > 0.99 * last_decade[0]:
        return Loss(False, False, f"the mass levels off at {values[-1]:.3g}")
    return Loss(
        True, False, f"the mass decreases at every point of a grid, down to {values[-1]:.3g} at time {horizon:g}"
    )


def grid(horizon: float) -> list[float]:
    """Times from 0 to the horizon, dense at first, then growing geometrically."""
    top = math.log1p(_checks.positive(horizon, "horizon", "it is the end of the grid"))
    return [math.expm1(top * k / POINTS) for k in range(POINTS)] + [horizon]


def _mass_at(mass: Schedule, t: float) -> float:
    value = float(mass(t))
    if not value >= 0:
        raise _checks.fail("mass", "non-negative at all times", value, f"that is its value at time {t:g}")
    return value


def _log_slope(early: tuple[float, float], late: tuple[float, float]) -> float:
    (t, before), (u, after) = early, late
    if before < TINY:
        return 0.0
    return max(0.0, abs(math.log(after / before)) - _LOG_ROUNDING) / (u - t) if after > 0 else math.inf
