r"""Assumption A4 in closed form: switching that speeds up against mass that falls, for this package's schedules."""

import math
from typing import NamedTuple

from underdamped.schedules import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    ExponentialGrowth,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    PowerGrowth,
    Scaled,
    Schedule,
)


class Balance(NamedTuple):
    r"""How rate and mass go with the mean number of switches $B$.

    Attributes:
        speed: exponent $x$ of $\kappa \sim B^x$.
        fall: exponent $x$ of $-\log m \sim B^x$; 0 for whatever is slower than every power.
        constant: the largest $c$ with $-\log(m/m_0) \ge c\sqrt B$ once $B \ge 1$; 0 if there is none.
        words: both, in words.
    """

    speed: float
    fall: float
    constant: float
    words: str


class Power(NamedTuple):
    r"""$\kappa(t) = c\,(t + t_0)^a$ with $a \ge 0$: a constant rate is $a = 0$."""

    coefficient: float
    power: float
    start: float


class Exponential(NamedTuple):
    r"""$\kappa(t) = \kappa_0 e^{\lambda t}$ with $\lambda > 0$."""

    initial: float
    rate: float


def growth(rate: float | Schedule) -> Power | Exponential | None:
    """The law of a rate that is known never to fall, None of any other.

    Example:
        >>> growth(Scaled(PowerGrowth(2.0), factor=3.0))
        Power(coefficient=6.0, power=1.0, start=0.0)
    """
    match rate:
        case Scaled(schedule=schedule, factor=factor):
            law = growth(schedule)
            return None if law is None else law._replace(**{law._fields[0]: factor * law[0]})
        case Constant(initial=initial) | ExponentialGrowth(initial=initial, rate=0):
            return Power(initial, 0.0, 0.0)
        case ExponentialGrowth(initial=initial):
            return Exponential(initial, rate.rate)
        case PowerGrowth():
            return Power(rate.coefficient, rate.power, rate.start)
        case _:
            return None if callable(rate) else Power(float(rate), 0.0, 0.0)


def exponential_rate(mass: float | Schedule) -> float | None:
    r"""$\lambda > 0$ of a mass $m_0 e^{-\lambda t}$; 0 of one known to fall more slowly; None of any other.

    Example:
        >>> exponential_rate(Scaled(ExponentialDecay(1.0, rate=0.5), factor=2.0)), exponential_rate(0.1)
        (0.5, 0.0)
    """
    match mass:
        case Scaled(schedule=schedule):
            return exponential_rate(schedule)
        case ExponentialDecay():
            return mass.rate
        case GeometricDecay(ratio=ratio) if ratio > 0:
            return abs(math.log(ratio))  # abs: no -0.0 at ratio 1
        case Constant() | PowerDecay():
            return 0.0
        case LinearDecay(final=final) | CosineDecay(final=final) if final > 0:
            return 0.0
        case _:
            return None if callable(mass) else 0.0


def balance(mass: float | Schedule, rate: float | Schedule) -> Balance | None:
    r"""The exponents and the constant of A4, None where the laws are not known.

    * $\kappa = c(t+t_0)^a$ has $B = \frac{c}{a+1}\bigl((t+t_0)^{a+1} - t_0^{a+1}\bigr)$, so $\kappa \sim B^{a/(a+1)}$.
      An exponential mass has $-\log(m/m_0) = \lambda t \sim B^{1/(a+1)}$. Both are as A4 wants if and only if $a \le
      1$. Then $\kappa$ is concave, $B \ge t\kappa/2$, so that $t/\sqrt B$ never falls: the constant is $\lambda t$ at
      $B = 1$.
    * $\kappa = \kappa_0 e^{\lambda t}$ has $\kappa \sim \lambda B$, which is too fast, and $-\log m \sim \log B$ even
      of an exponential mass.
    * A mass that falls like a power of $t$, or not to 0, has $-\log m$ of the order of $\log t$ at most, against $B$
      of the order of $t$ at least.

    Args:
        mass: $m$, positive at time 0.
        rate: $\kappa$, positive and finite somewhere.

    Returns:
        What is known.

    Example:
        >>> balance(ExponentialDecay(1.0, rate=0.3), PowerGrowth(2.0)).words
        'the rate grows like B^0.50, -log m like B^0.50'

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A4 and Example 1; exponents derived here.
    """
    law, loss = growth(rate), exponential_rate(mass)
    if law is None or loss is None:
        return None
    if isinstance(law, Exponential):
        slow = "log B" if loss > 0 else "log log B at most"
        return Balance(1.0, 0.0, 0.0, f"the rate grows like B, -log m like {slow}")
    speed, fall = law.power / (law.power + 1), 1 / (law.power + 1) if loss > 0 else 0.0
    words = "the rate is constant, -log m grows like "
    if law.power > 0:
        words = f"the rate grows like B^{speed:.2f}, -log m like "
    words += f"B^{fall:.2f}" if loss > 0 else "log B at most"
    return Balance(speed, fall, loss * _time_of_first_switch(law) if fall >= 0.5 else 0.0, words)


def _time_of_first_switch(law: Power) -> float:
    r"""$t$ with $B(t) = 1$, without cancellation for a large $t_0$."""
    order, area = law.power + 1, (law.power + 1) / law.coefficient
    excess = math.log(area) - order * math.log(law.start) if law.start > 0 else math.inf
    if excess > 700:  # next to what it takes, the start is nothing, and would overflow
        return area ** (1 / order)
    return law.start * math.expm1(math.log1p(math.exp(excess)) / order)
