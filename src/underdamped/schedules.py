"""How a mass (or a rate, or a friction) changes with the clock: step count in optimisers, time in the process."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from underdamped import _checks
from underdamped.coefficients import Scalar


@runtime_checkable
class Schedule(Protocol):
    """Anything callable that turns the clock into a value: a class of this module, a lambda, an optax schedule.

    Example:
        >>> isinstance(lambda t: 0.5 / (1 + t), Schedule)
        True
    """

    def __call__(self, t: Scalar, /) -> Scalar:
        """Value at time (or step) ``t`` >= 0."""
        ...


class Decay(ABC):
    """A schedule that never increases. So a mass that has reached 0 is lost for good and its memory can be freed.

    Subclass it for a schedule of your own whose owner may rely on that; any other callable is a valid Schedule too.
    """

    @abstractmethod
    def __call__(self, t: Scalar, /) -> Scalar:
        """Value at time (or step) ``t`` >= 0."""


def _positive_part(x: Scalar) -> Scalar:
    """``max(x, 0)``, exact on both sides, by arithmetic alone so that traced values work."""
    return (x + abs(x)) / 2


@dataclass(frozen=True)
class Constant(Decay):
    r"""$m(t) = m_0$.

    Args:
        initial: $m_0 \ge 0$.

    Raises:
        ValueError: If ``initial`` is negative or not finite.

    Example:
        >>> Constant(0.5)(1000)
        0.5
    """

    initial: float

    def __post_init__(self) -> None:
        _check_initial(self.initial)

    def __call__(self, t: Scalar, /) -> Scalar:
        """$m_0$, in the type of ``t``."""
        return self.initial + 0 * t


@dataclass(frozen=True)
class PowerDecay(Decay):
    r"""$m(t) = m_0 (1 + \lambda t)^{-c}$, the slow loss that assumption A3 still admits.

    It satisfies A3 with the constant $c\lambda$; the paper's own example is $c = 1$.

    Args:
        initial: $m_0 \ge 0$.
        rate: $\lambda \ge 0$, per unit of the clock.
        power: $c > 0$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> PowerDecay(1.0, rate=0.5)(2)
        0.5

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A3.
    """

    initial: float
    rate: float
    power: float = 1.0

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        _checks.non_negative(self.rate, "rate", "a decay never grows")
        _checks.positive(self.power, "power", "a decay never grows; use Constant for a constant")

    def __call__(self, t: Scalar, /) -> Scalar:
        r"""$m_0 (1 + \lambda t)^{-c}$."""
        return self.initial * (1 + self.rate * t) ** (-self.power)


@dataclass(frozen=True)
class ExponentialDecay(Decay):
    r"""$m(t) = m_0 e^{-\lambda t}$.

    Args:
        initial: $m_0 \ge 0$.
        rate: $\lambda \ge 0$, per unit of the clock.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> round(ExponentialDecay(2.0, rate=0.5)(2), 6)
        0.735759

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A3 and Example 1.
    """

    initial: float
    rate: float

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        _checks.non_negative(self.rate, "rate", "a decay never grows")

    def __call__(self, t: Scalar, /) -> Scalar:
        r"""$m_0 e^{-\lambda t}$."""
        return self.initial * math.e ** (-self.rate * t)


@dataclass(frozen=True)
class GeometricDecay(Decay):
    r"""$m(k) = m_0 r^k$, the paper's schedule for the discrete scheme ($r = 0.995$ in its experiments).

    Args:
        initial: $m_0 \ge 0$.
        ratio: $r \in [0, 1]$, per unit of the clock.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> GeometricDecay(1.0, ratio=0.5)(3)
        0.125

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 5.
    """

    initial: float
    ratio: float

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        if not 0 <= _checks.number(self.ratio, "ratio", "it multiplies the mass once a step") <= 1:
            raise _checks.fail("ratio", "in [0, 1]", self.ratio, "a decay never grows")

    def __call__(self, t: Scalar, /) -> Scalar:
        """$m_0 r^t$."""
        return self.initial * self.ratio**t


@dataclass(frozen=True)
class _Ramp(Decay):
    """From ``initial`` down to ``final`` within ``duration``, and there from then on; subclasses shape the way."""

    initial: float
    duration: float
    final: float = 0.0

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        _checks.positive(self.duration, "duration", "it is the time the decay takes")
        if not 0 <= _checks.number(self.final, "final", "it is the value kept after `duration`") <= self.initial:
            raise _checks.fail("final", f"in [0, initial={self.initial!r}]", self.final, "a decay never grows")

    def __call__(self, t: Scalar, /) -> Scalar:
        """The final value, and a share of what is above it."""
        return self.final + (self.initial - self.final) * self._share(_positive_part(1 - t / self.duration))

    @abstractmethod
    def _share(self, remaining: Scalar) -> Scalar:
        """What is left of the way down, 1 at the start and 0 at the end, from the share of time that remains."""


@dataclass(frozen=True)
class LinearDecay(_Ramp):
    r"""$m(t) = m_1 + (m_0 - m_1)\max(0, 1 - t/T)$: the mass is at its final value from $T$ on.

    With final value 0 and fixed step and friction this *is* the Demon rule for the momentum factor.

    Args:
        initial: $m_0 \ge 0$.
        duration: $T > 0$, in units of the clock.
        final: $m_1 \in [0, m_0]$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> schedule = LinearDecay(1.0, duration=10)
        >>> schedule(5), schedule(10), schedule(1000)
        (0.5, 0.0, 0.0)

    References:
        Chen, Wolfe, Li and Kyrillidis, *Demon: Improved Neural Network Training with Momentum Decay* (ICASSP 2022).
    """

    def _share(self, remaining: Scalar) -> Scalar:
        return remaining


@dataclass(frozen=True)
class CosineDecay(_Ramp):
    r"""$m(t) = m_1 + (m_0 - m_1)\,\tfrac12 (1 + \cos(\pi \min(t/T, 1)))$.

    Args:
        initial: $m_0 \ge 0$.
        duration: $T > 0$, in units of the clock.
        final: $m_1 \in [0, m_0]$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> schedule = CosineDecay(1.0, duration=10)
        >>> round(schedule(5), 12), schedule(10), schedule(1000)
        (0.5, 0.0, 0.0)

    References:
        The shape is that of Loshchilov and Hutter, *SGDR* (ICLR 2017), equation (5), for the learning rate.
    """

    def _share(self, remaining: Scalar) -> Scalar:
        # (1 + cos(pi t/T))/2 is the square of sin(pi remaining/2), and that sine the imaginary part of a complex power:
        # the one form that floats, NumPy, PyTorch and JAX share.
        sine = (math.e ** (0.5j * math.pi * remaining)).imag
        return sine * sine


@dataclass(frozen=True)
class PowerGrowth:
    r"""$\eta(t) = c\,(t + t_0)^a$: a switching rate that speeds up, or any other quantity that grows like a power.

    The paper's Example 1, $\beta(t) = t^2$, is $\eta(t) = 2t$: ``PowerGrowth(2.0)``.

    Args:
        coefficient: $c \ge 0$.
        power: $a > 0$.
        start: $t_0 \ge 0$; with 0 the growth starts from nothing.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> PowerGrowth(2.0)(3)
        6.0

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A4 and Example 1.
    """

    coefficient: float
    power: float = 1.0
    start: float = 0.0

    def __post_init__(self) -> None:
        _checks.non_negative(self.coefficient, "coefficient", "it is a size")
        _checks.positive(self.power, "power", "a growth never falls; use PowerDecay for a decay")
        _checks.non_negative(self.start, "start", "the base of a power must not be negative")

    def __call__(self, t: Scalar, /) -> Scalar:
        r"""$c\,(t + t_0)^a$."""
        return self.coefficient * (t + self.start) ** self.power


@dataclass(frozen=True)
class ExponentialGrowth:
    r"""$\eta(t) = \eta_0 e^{\lambda t}$: a switching rate that speeds up exponentially.

    Faster than assumption A4 admits for long; the number of switches up to time $t$ grows exponentially too.

    Args:
        initial: $\eta_0 \ge 0$.
        rate: $\lambda \ge 0$, per unit of the clock.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> round(ExponentialGrowth(2.0, rate=0.5)(2), 6)
        5.436564

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A4 and Example 1.
    """

    initial: float
    rate: float

    def __post_init__(self) -> None:
        _check_initial(self.initial)
        _checks.non_negative(self.rate, "rate", "a growth never falls; use ExponentialDecay for a decay")

    def __call__(self, t: Scalar, /) -> Scalar:
        r"""$\eta_0 e^{\lambda t}$."""
        return self.initial * math.e ** (self.rate * t)


@dataclass(frozen=True)
class Scaled:
    r"""$c \, m(t)$ for another schedule $m$.

    Args:
        schedule: any Schedule.
        factor: $c \ge 0$.

    Raises:
        ValueError: If ``factor`` is negative or not finite.

    Example:
        >>> Scaled(GeometricDecay(1.0, ratio=0.5), factor=9.0)(1)
        4.5
    """

    schedule: Schedule
    factor: float

    def __post_init__(self) -> None:
        _checks.non_negative(self.factor, "factor", "a mass has no sign")

    def __call__(self, t: Scalar, /) -> Scalar:
        r"""$c \, m(t)$."""
        return self.factor * self.schedule(t)


def never_increases(schedule: Schedule) -> bool:
    """Whether ``schedule`` is known to be non-increasing, so that a value of 0 is final.

    Args:
        schedule: any Schedule.

    Returns:
        True for a Decay, scaled or not; False for any other callable, of which nothing is known.

    Example:
        >>> never_increases(GeometricDecay(1.0, ratio=0.5)), never_increases(lambda t: 1.0)
        (True, False)
    """
    if isinstance(schedule, Scaled):
        return never_increases(schedule.schedule)
    return isinstance(schedule, Decay)


def _check_initial(initial: float) -> None:
    _checks.non_negative(initial, "initial", "0 removes momentum, nothing lies below")
