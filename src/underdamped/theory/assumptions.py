"""Which of the paper's assumptions a choice of schedules meets: in words, with the constants found."""

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

from underdamped import _checks
from underdamped.schedules import Schedule
from underdamped.theory.balance import balance, growth
from underdamped.theory.decay import TINY, decay_rate, grid, loses_all
from underdamped.theory.lyapunov import quasi_strong_convexity
from underdamped.theory.steps import _curvatures

_SLACK = 0.02
"""What a growth exponent may be off by; $B^{0.5} \\log B$ is still told from $B^{0.5}$ while $\\log B < 50$."""

_ROUNDING = 1e-9
"""What a number on its bound may exceed it by, relatively: exact equality is lost in the last digits."""

_NOT_THE_MINIMISER = " subsampling is not lost, the limit is not theta*"

Basis = Literal["given", "closed form", "grid"]


@dataclass(frozen=True)
class Verdict:
    """Whether one assumption holds, why, and on what grounds.

    ``str`` of it is a line for a terminal.

    Attributes:
        assumption: "A1" to "A4", or "Def. 8" (the mass decreases strictly to 0).
        holds: True, False, or None where nothing can be said.
        constant: the constant found, where there is one.
        basis: ``"given"`` by the caller; from a ``"closed form"``, which is exact; or checked numerically on a
            ``"grid"``: for A3 a no is certain up to rounding and underflow, and a yes is not; for Def. 8 and A4 both
            are readings of a trend, which steps in the rate or a change of law can mislead.
        words: the reason, one sentence.

    Example:
        >>> print(Verdict("A1", True, 4.0, "given", "every gradient is 4-Lipschitz"))
        A1 holds: every gradient is 4-Lipschitz (given)
    """

    assumption: str
    holds: bool | None
    constant: float | None
    basis: Basis
    words: str

    def __str__(self) -> str:
        """One line."""
        outcome = {True: "holds", False: "fails", None: "is open"}[self.holds]
        basis = "checked numerically on a grid" if self.basis == "grid" else self.basis
        return f"{self.assumption} {outcome}: {self.words} ({basis})"


def check_assumptions(
    mass: float | Schedule,
    rate: float | Schedule | None = None,
    *,
    min_curvature: float | None = None,
    max_curvature: float | None = None,
    horizon: float = 1e4,
) -> tuple[Verdict, ...]:
    r"""Which of A1 to A4, and of Definition 8, hold for a mass and a rate of switching at friction 1.

    * A1: every $\nabla\Phi_i$ is $L$-Lipschitz. Yours to give.
    * A2, quasi-strong convexity: from $\mu$ by Lemma 28, with weight $\bar\alpha = 2$ as Theorem 15 needs it.
    * Def. 8: $m$ decreases strictly to 0.
    * A3: $|m'(t)| \le \lambda m(t)$ with $\lambda \in (0, 1]$, and $m(0) \le 1$. Theorem 15 wants $\lambda \le
      \min(\mu/4, 1/4)$.
    * A4: the rate never falls; and with $B(t) = \int_0^t \kappa$, the mean number of switches, $\kappa(t) \le
      C\sqrt{B(t)}$ and $m(t) \le C e^{-c\sqrt{B(t)}}$ once $B \ge 1$; the constant shown is $c$. That is the paper's
      condition on the jump count $n$, read at $n = B(t)$.

    No assumption is a condition for the simulation to be right: where one fails, the theorems that need it say
    nothing. A4 is exact for this package's growths and constants against its decays that never end; grid checks of it
    look at growth exponents over the last decade before the horizon; for the mass, before it falls below 1e-290 if that
    is sooner. A change of law beyond escapes them.

    Args:
        mass: $m$, a number or a Schedule of *time*. A schedule of the step count $k$ is ``lambda t: m(t / h)``;
            ``GeometricDecay(m0, r)`` becomes ``ExponentialDecay(m0, -log(r) / h)``.
        rate: $\kappa = N\gamma\,\beta'$, a number $\ge 0$, ``inf`` or a Schedule of time. The paper's $\beta(t) =
            t^2$ is ``PowerGrowth(2 * N * gamma)``. None leaves A4 out.
        min_curvature: $\mu > 0$ of every component, if there is one.
        max_curvature: $L > 0$ of every component, if there is one.
        horizon: end of the grid, for callables that are not this package's.

    Returns:
        One `Verdict` each.

    Raises:
        ValueError: If a number is out of range, $\mu > L$, or a schedule is negative.

    Example:
        >>> from underdamped import ExponentialDecay, PowerGrowth
        >>> mass = ExponentialDecay(1.0, rate=0.1)
        >>> for verdict in check_assumptions(mass, PowerGrowth(2.0), min_curvature=0.4, max_curvature=3.0):
        ...     print(verdict)
        A1 holds: every gradient is 3-Lipschitz (given)
        A2 holds: strong convexity with mu = 0.4 gives lambda = 0.1 at weight 2 (given)
        Def. 8 holds: the mass decreases strictly to 0 (closed form)
        A3 holds: |m'| <= 0.1 m, m(0) = 1 <= 1; small enough for Theorem 15, which wants 0.1 (closed form)
        A4 holds: the rate grows like B^0.50, -log m like B^0.50; c = 0.1 (closed form)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumptions A1 to A4, Definition 8, Lemma 28, Theorem 15, Example
        1.
    """
    if not callable(mass):
        mass = _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
    if min_curvature is not None and max_curvature is not None:
        _curvatures(min_curvature, max_curvature)
    convexity = None if min_curvature is None else quasi_strong_convexity(min_curvature, weight=2.0)
    lost = _lost(mass, horizon)
    verdicts = [_smooth(max_curvature), _convex(min_curvature, convexity), lost]
    # Theorem 15 is about a mass that is lost: of another one it says nothing, whatever A3 does.
    verdicts.append(
        _slowly_lost(mass, horizon, None if lost.holds is False and lost.basis == "closed form" else convexity)
    )
    if rate is not None:
        verdicts.append(_balanced(mass, rate, horizon))
    return tuple(verdicts)


def _smooth(max_curvature: float | None) -> Verdict:
    if max_curvature is None:
        return Verdict("A1", None, None, "given", "no Lipschitz constant of the gradients was given")
    L = _checks.positive(max_curvature, "max_curvature", "it is a Lipschitz constant of the gradient")
    return Verdict("A1", True, L, "given", f"every gradient is {L:g}-Lipschitz")


def _convex(min_curvature: float | None, convexity: float | None) -> Verdict:
    if convexity is None:
        return Verdict("A2", None, None, "given", "no constant of strong convexity was given")
    words = f"strong convexity with mu = {min_curvature:g} gives lambda = {convexity:g} at weight 2"
    return Verdict("A2", True, convexity, "given", words)


def _lost(mass: float | Schedule, horizon: float) -> Verdict:
    loss = loses_all(mass, horizon)
    return Verdict("Def. 8", loss.holds, None, "closed form" if loss.exact else "grid", loss.words)


def _slowly_lost(mass: float | Schedule, horizon: float, convexity: float | None) -> Verdict:
    constant, exact = decay_rate(mass, horizon=horizon)
    start = float(mass(0.0)) if callable(mass) else mass
    words = f"|m'| <= {constant:g} m, m(0) = {start:g}"
    if math.isinf(constant):
        words = "|m'|/m is unbounded, as the mass vanishes at a finite time"
    elif constant > 1 + _ROUNDING:
        words += ", but the constant may be 1 at most"
    elif start > 1 + _ROUNDING:
        words += ", but it may be 1 at most"
    else:
        words += " <= 1"
        if convexity is not None:
            size = "small enough" if constant <= convexity * (1 + _ROUNDING) else "too large"
            words += f"; {size} for Theorem 15, which wants {convexity:g}"
    holds = max(constant, start) <= 1 + _ROUNDING
    return Verdict("A3", holds, constant, "closed form" if exact else "grid", words)


def _balanced(mass: float | Schedule, rate: float | Schedule, horizon: float) -> Verdict:
    if rate == math.inf:
        return Verdict("A4", None, None, "closed form", "the full gradient has no switches to count")
    if not callable(rate):
        _checks.non_negative(rate, "rate", "0 never switches")
    law = growth(rate)
    if law is not None and law[0] == 0:
        return Verdict("A4", None, None, "closed form", "the index never switches")
    known = balance(mass, rate)
    if known is None:
        return _balanced_on_grid(mass, rate, horizon)
    if (mass(0.0) if callable(mass) else mass) == 0:
        return Verdict("A4", None, None, "closed form", "there is no mass to lose")
    faults = _faults(known.speed, known.fall)
    words = known.words + "; " + (" and ".join(faults) if faults else f"c = {known.constant:.3g}")
    if known.speed == 0 and not faults:
        words += "; but" + _NOT_THE_MINIMISER
    return Verdict("A4", not faults, None if faults else known.constant, "closed form", words)


def _faults(speed: float, fall: float, slack: float = 0.0) -> list[str]:
    """What A4 does not admit of two growth exponents in the mean number of switches."""
    faults = []
    if speed > 0.5 + slack:
        faults.append("the rate may grow like B^0.5 at most")
    if fall < 0.5 - slack:
        faults.append("-log m must grow like B^0.5 at least")
    return faults


class _Sample(NamedTuple):
    time: float
    rate: float
    switches: float  # mean number of them so far, B
    loss: float  # -log of the remaining share of mass; inf once that is too small to read


def _balanced_on_grid(mass: float | Schedule, rate: float | Schedule, horizon: float) -> Verdict:
    whole = _samples(mass, rate, horizon)
    if not whole:
        return Verdict("A4", None, None, "grid", "there is no mass to lose, or no finite rate, at time 0")
    if _falls([sample.rate for sample in whole]):
        return Verdict("A4", False, None, "grid", "the rate falls, and ddSGMP wants one that never decreases")
    switching = [sample for sample in whole if sample.switches >= 1]
    losing = [sample for sample in switching if math.isfinite(sample.loss)]
    if len(losing) < 2:
        until = next((sample.time for sample in whole if math.isinf(sample.loss)), whole[-1].time)
        return Verdict("A4", None, None, "grid", f"hardly a switch is expected up to time {until:.3g}")
    speed = _exponent(switching, [sample.rate for sample in switching])
    fall = _exponent(losing, [sample.loss for sample in losing])
    constant = min(sample.loss / math.sqrt(sample.switches) for sample in losing)
    faults = _faults(speed, fall, _SLACK)
    words = f"the rate grows like B^{speed:.2f}, -log m like B^{fall:.2f}; "
    words += " and ".join(faults) if faults else f"c = {constant:.3g}"
    if not faults and speed < _SLACK:
        words += "; but if the rate stays bounded," + _NOT_THE_MINIMISER
    return Verdict("A4", not faults, None if faults else constant, "grid", words)


def _falls(rates: list[float]) -> bool:
    return any(rate < highest * (1 - _ROUNDING) for rate, highest in zip(rates, accumulate(rates, max), strict=True))


def _exponent(samples: list[_Sample], values: list[float]) -> float:
    """The x of values growing like B^x over the last decade of time; 0 where they do not grow."""
    first = next(k for k, sample in enumerate(samples) if sample.time >= samples[-1].time / 10)
    if not 0 < values[first] < values[-1]:
        return 0.0
    return math.log(values[-1] / values[first]) / math.log(samples[-1].switches / samples[first].switches)


def _samples(mass: float | Schedule, rate: float | Schedule, horizon: float) -> list[_Sample]:
    """The grid, as long as the rate and the mean number of switches are finite; empty without mass at time 0."""
    samples, switches, before = [], 0.0, 0.0
    initial = float(mass(0.0)) if callable(mass) else float(mass)
    if initial < TINY:
        return []
    for t in grid(horizon):
        try:
            now = float(rate(t)) if callable(rate) else float(rate)
        except OverflowError:
            break
        if now < 0:
            raise _checks.fail("rate", "non-negative at all times", now, f"that is its value at time {t:g}")
        if samples:
            switches += (t - samples[-1].time) * (before + now) / 2  # trapezoidal rule
        if not math.isfinite(switches + now):
            break
        left = float(mass(t)) if callable(mass) else float(mass)
        before = now
        samples.append(_Sample(t, now, switches, math.log(initial / left) if left >= TINY else math.inf))
    return samples
