"""When the next tick comes: the integrated rate inverted in closed form, or thinned under a certified bound."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from underdamped import _checks
from underdamped.process import streams
from underdamped.process.functions import check_schedule
from underdamped.process.streams import Stream
from underdamped.schedules import (
    Constant,
    Decay,
    ExponentialDecay,
    ExponentialGrowth,
    GeometricDecay,
    PowerDecay,
    PowerGrowth,
    Scaled,
    Schedule,
)

Rate: TypeAlias = float | Array | Schedule
"""Ticks per unit of time: a number >= 0, or a Schedule of time."""


@dataclass(frozen=True)
class Bounded:
    r"""A rate of any shape under a bound that its owner vouches for, $0 \le \eta(t) \le \bar\eta$ for all $t \ge 0$.

    Thinning makes it exact: ticks are proposed at rate $\bar\eta$ and kept with probability $\eta(t)/\bar\eta$. A value
    outside $[0, \bar\eta]$ is caught at the proposal where it occurs and reported, since the law would silently be
    wrong.

    Args:
        schedule: $\eta$, a JAX function of time.
        bound: $\bar\eta > 0$. The closer, the fewer proposals are thrown away.

    Raises:
        ValueError: If ``bound`` is not positive, or the value not one number.
        TypeError: If JAX cannot trace ``schedule``.

    Example:
        >>> import jax.numpy as jnp
        >>> float(Bounded(lambda t: 1 + jnp.sin(t), bound=2.0)(0.0))
        1.0

    References:
        Lewis and Shedler, *Simulation of nonhomogeneous Poisson processes by thinning* (1979).
    """

    schedule: Callable[[Array], Array]
    bound: float

    def __post_init__(self) -> None:
        _checks.positive(self.bound, "bound", "it is the rate at which ticks are proposed")
        check_schedule(self.schedule, "schedule")

    def __call__(self, t: Array, /) -> Array:
        r"""$\eta(t)$."""
        return self.schedule(t)


def check_rate(rate: Rate, argument: str = "rate", *, infinite: bool = False) -> Rate:
    """``rate`` if its ticks can be drawn exactly, else an error that says how they could be."""
    if isinstance(rate, Scaled):
        check_rate(rate.schedule, argument)
        return rate
    if isinstance(rate, Decay | PowerGrowth | ExponentialGrowth | Bounded):
        check_schedule(rate, argument)
        return rate
    if callable(rate):
        way_out = "wrap it as Bounded(schedule, bound), so that its ticks can be thinned exactly"
        raise _checks.fail(argument, "a number, a Decay, a growth schedule or Bounded", rate, way_out, TypeError)
    if isinstance(rate, Tracer):
        return rate
    if infinite and np.ndim(rate) == 0 and rate == math.inf:
        return math.inf
    return _checks.non_negative(rate, argument, "0 never switches")


def check_invertible(rate: Rate, argument: str = "rate") -> None:
    """An error if only thinning could draw the ticks of ``rate``, which a regular clock cannot use."""
    if _is_thinned(rate):
        way_out = "choose a constant, power or exponential schedule, or regular=False"
        raise _checks.fail(argument, "a schedule whose integral is known", rate, way_out, TypeError)


def rate_at(rate: Rate, time: Array | float) -> Array | float:
    """The rate at ``time``, whatever kind it is."""
    return rate(time) if callable(rate) else rate


def next_tick(
    rate: Rate, time: Array, horizon: Array | float, stream: Stream, scale: Array | float = 1.0
) -> tuple[Array, Stream]:
    r"""Wait until the first tick after ``time`` of a Poisson clock of rate ``scale`` $\cdot\,\eta$.

    Infinite when no tick comes any more, or by thinning none before ``horizon``; NaN when a ``Bounded`` rate was found
    outside of its bounds before it.
    """
    if isinstance(rate, Scaled):
        return next_tick(rate.schedule, time, horizon, stream, scale * rate.factor)
    if _is_thinned(rate):
        return _thinned(rate, time, horizon, stream, scale)
    draw, stream = streams.exponential(stream)
    return wait_for(rate, time, draw / scale), stream


def wait_for(rate: Rate, time: Array, exposure: Array) -> Array:
    r"""The wait $w$ with $\int_t^{t+w} \eta = $ ``exposure`` > 0; infinite where the integral stays below it for ever.

    Written in ratios to the present rate, so that a long-running clock loses no digits.
    """
    match rate:
        case Constant():
            return exposure / rate.initial
        case PowerDecay():
            if rate.rate == 0:
                return exposure / rate.initial
            return _power_wait(rate.initial * rate.rate**-rate.power, -rate.power, time + 1 / rate.rate, exposure)
        case PowerGrowth():
            return _power_wait(rate.coefficient, rate.power, time + rate.start, exposure)
        case ExponentialDecay():
            return _exponential_wait(rate(time), -rate.rate, exposure)
        case ExponentialGrowth():
            return _exponential_wait(rate(time), rate.rate, exposure)
        case Scaled():
            return wait_for(rate.schedule, time, exposure / rate.factor)
        case GeometricDecay() if rate.ratio > 0:
            return _exponential_wait(rate(time), math.log(rate.ratio), exposure)
        case _:
            return exposure / rate  # pyright: ignore[reportOperatorIssue]  (no other Schedule comes here)


def _power_wait(coefficient: float, power: float, x: Array, exposure: Array) -> Array:
    r"""$w$ with $\int_x^{x+w} c\,y^a\,dy = E$: from $(1+w/x)^e = 1 + eE/(c x^e)$ with $e = a+1 \ne 0$."""
    e = power + 1
    if e == 0:
        return x * jnp.expm1(exposure / coefficient)
    grown, passed = e * exposure / coefficient, x**e
    if e > 0:  # from x = 0 on the ratio is infinite; the plain difference is exact there
        near = x * jnp.expm1(jnp.log1p(grown / jnp.where(passed > 0, passed, 1)) / e)
        return jnp.where(grown > passed, (passed + grown) ** (1 / e) - x, near)
    ratio = grown / passed
    return jnp.where(ratio > -1, x * jnp.expm1(jnp.log1p(jnp.maximum(ratio, -1)) / e), jnp.inf)


def _exponential_wait(now: Array, growth: float, exposure: Array) -> Array:
    r"""$w$ with $\int_0^w \eta_t e^{\lambda s}\,ds = E$, that is $\log(1 + \lambda E/\eta_t)/\lambda$."""
    if growth == 0:
        return exposure / now
    ratio = growth * exposure / now
    return jnp.where(ratio > -1, jnp.log1p(jnp.maximum(ratio, -1)) / growth, jnp.inf)


def _is_thinned(rate: Rate) -> bool:
    if isinstance(rate, Scaled):
        return _is_thinned(rate.schedule)
    closed = Constant | PowerDecay | PowerGrowth | ExponentialDecay | ExponentialGrowth
    return callable(rate) and not isinstance(rate, closed) and not (isinstance(rate, GeometricDecay) and rate.ratio > 0)


def _thinned(
    rate: Rate, time: Array, horizon: Array | float, stream: Stream, scale: Array | float
) -> tuple[Array, Stream]:
    """Proposals under a ceiling that holds from now on: the bound vouched for, or the present value of a Decay."""

    def propose(carry: tuple[Array, Array, Stream]) -> tuple[Array, Array, Stream]:
        wait, _, stream = carry
        ceiling = rate.bound if isinstance(rate, Bounded) else rate_at(rate, time + wait)
        draw, stream = streams.exponential(stream)
        level, stream = streams.uniform(stream)
        wait = wait + draw / (scale * ceiling)
        is_late = ~(time + wait <= horizon)
        value = rate_at(rate, jnp.where(is_late, time, time + wait))
        rounding = 1e-5 * ceiling  # the schedule's own is no breach
        is_breach = ~((value >= -rounding) & (value <= ceiling + rounding))
        wait = jnp.where(is_late, jnp.inf, jnp.where(is_breach, jnp.nan, wait))
        return wait, is_late | is_breach | (level * ceiling < value), stream

    zero = jnp.zeros_like(time)
    wait, _, stream = jax.lax.while_loop(lambda carry: ~carry[1], propose, (zero, zero > 0, stream))
    return wait, stream
