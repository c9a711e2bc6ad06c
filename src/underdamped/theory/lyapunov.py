"""Lyapunov functions: what falls exponentially along every trajectory, for one fixed component."""

from dataclasses import dataclass
from typing import Any

from underdamped import _checks
from underdamped.coefficients import Scalar
from underdamped.schedules import Schedule


def quasi_strong_convexity(min_curvature: float, weight: float) -> float:
    r"""The constant of assumption A2 that strong convexity implies.

    A $\mu$-strongly convex $\Phi_i$ satisfies A2,
    $\tfrac12 (x-\theta^*_i)\cdot\nabla\Phi_i(x) \ge \lambda\bigl(\Phi_i(x) - \Phi_i(\theta^*_i) +
    \tfrac{\bar\alpha^2}{4}|x-\theta^*_i|^2\bigr)$, with

    $$\lambda = \min\Bigl(\frac{\mu}{\bar\alpha^2}, \frac14\Bigr).$$

    The weight $\bar\alpha$ is not free to choose: `ConstantMassLyapunov` needs $\bar\alpha^2 = \alpha^2/m$,
    `DecreasingMassLyapunov` takes $\bar\alpha = 2$.

    Args:
        min_curvature: $\mu > 0$.
        weight: $\bar\alpha > 0$.

    Returns:
        $\lambda \in (0, 1/4]$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> quasi_strong_convexity(min_curvature=0.5, weight=2.0)
        0.125

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), assumption A2 and Lemma 28.
    """
    mu = _checks.positive(min_curvature, "min_curvature", "it is the constant of strong convexity")
    return min(mu / _checks.positive(weight, "weight", "it weighs the distance in assumption A2") ** 2, 0.25)


@dataclass(frozen=True)
class ConstantMassLyapunov:
    r"""A function that falls at the rate $\alpha\lambda/m$ along the underdamped flow of one potential.

    With $x = q - \theta^*$ and $y = p$,

    $$V = \Phi(q) - \Phi(\theta^*)
      {} + \frac{\alpha^2}{4m}\Bigl( \bigl|x + \tfrac{m}{\alpha}y\bigr|^2 + \bigl|\tfrac m\alpha y\bigr|^2
      - \lambda|x|^2 \Bigr),
      \qquad V(q_t, p_t) \le V(q_0, p_0)\,e^{-\alpha\lambda t/m},$$

    and $V \ge \Phi(q) - \Phi(\theta^*) + \tfrac{\alpha^2}{16 m}|x|^2$. The constant $\lambda$ must be that of A2 with
    weight $\bar\alpha^2 = \alpha^2/m$: `quasi_strong_convexity` $(\mu, \alpha/\sqrt m)$ gives the rate
    $\min(\mu/\alpha, \alpha/(4m))$.

    *Proof.* Along the flow $\dot V = -\tfrac{\alpha}{2m}\,x\cdot\nabla\Phi - \tfrac\alpha2|y|^2 -
    \tfrac{\lambda\alpha^2}{2m}\,x\cdot y$. By A2, $\dot V + \tfrac{\alpha\lambda}{m}V \le
    -\tfrac{\alpha^3\lambda^2}{4m^2}|x|^2 - \tfrac\alpha2(1-\lambda)|y|^2 \le 0$. $\blacksquare$

    Args:
        convexity: $\lambda \in (0, 1/4]$ of A2.
        friction: $\alpha > 0$.
        mass: $m > 0$; 1 in the paper, the general case is the same after dividing the equation by $m$
            ($\Phi/m$, friction $\alpha/m$, $V/m$).

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import numpy as np
        >>> V = ConstantMassLyapunov(convexity=quasi_strong_convexity(1.0, weight=2.0), friction=2.0)
        >>> q, p = np.array([1.0]), np.array([0.0])
        >>> float(V(0.5, q, p)), V.rate  # Phi = q^2/2
        (1.25, 0.5)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Proposition 22 and Corollary 23 (mass 1). The proof is ours.
    """

    convexity: float
    friction: float = 1.0
    mass: float = 1.0

    def __post_init__(self) -> None:
        _check_convexity(self.convexity)
        _checks.positive(self.friction, "friction", "without friction nothing falls")
        _checks.positive(self.mass, "mass", "at mass 0 the squared distance itself falls")

    @property
    def rate(self) -> float:
        r"""$\alpha\lambda/m$, per unit of time."""
        return self.friction * self.convexity / self.mass

    def __call__(self, gap: Any, displacement: Any, velocity: Any) -> Any:
        r"""$V$ from $\Phi(q)-\Phi(\theta^*)$, shape (...), and $q-\theta^*$ and $p$, arrays (..., K) of any library."""
        share = self.mass / self.friction * velocity
        bracket = _square(displacement + share) + _square(share) - self.convexity * _square(displacement)
        return gap + self.friction**2 / (4 * self.mass) * bracket


@dataclass(frozen=True)
class DecreasingMassLyapunov:
    r"""A function that falls at the rate $\lambda$ while the mass is being lost, for a fixed index and friction 1.

    With $x = q - \theta^*_i$ and $y = p$,

    $$V_i = m(t)\bigl(\Phi_i(q) - \Phi_i(\theta^*_i)\bigr) + \tfrac14\bigl( |x + m(t)y|^2 + |m(t)y|^2 \bigr), \qquad
      V_i(t) \le V_i(0)\,e^{-\lambda t},$$

    and $|x|^2 \le 8V_i$. It needs A2 *and* A3 ($-\lambda m \le m' \le 0$, $m \le 1$) with the same $\lambda$, and A2
    with a weight $\bar\alpha$ large enough; $\bar\alpha = 2$, as in Theorem 15, is: for $\mu$-strong convexity
    $\lambda = \min(\mu/4, 1/4)$.

    *Proof.* Along the flow $\dot V = m'\,(\Phi_i-\Phi_i^*) + \tfrac12 m'\,x\cdot y - \tfrac12 x\cdot\nabla\Phi_i + m
    m'|y|^2 - \tfrac12 m|y|^2$. By A2, $\dot V + \lambda V \le (m'-\lambda+\lambda m)(\Phi_i-\Phi_i^*) -
    \tfrac\lambda4(\bar\alpha^2-1)|x|^2 + \tfrac12(m'+\lambda m)\,x\cdot y - \tfrac m2(1-\lambda m-2m')|y|^2$. The
    first coefficient is $\le 0$ as $m \le 1$; by A3 the third lies in $[0, \lambda m/2]$, so the rest is a
    non-positive form if $\lambda m \le 2(\bar\alpha^2-1)(1-\lambda m)$; with $\lambda m \le 1/4$ that is
    $\bar\alpha^2 \ge 7/6$. $\blacksquare$

    Args:
        convexity: $\lambda \in (0, 1/4]$ of A2 and A3.
        mass: $m(t)$, a Schedule of time, never increasing.

    Raises:
        ValueError: If ``convexity`` is out of range.

    Example:
        >>> import numpy as np
        >>> from underdamped import ExponentialDecay
        >>> V = DecreasingMassLyapunov(convexity=0.25, mass=ExponentialDecay(1.0, rate=0.25))
        >>> float(V(0.0, 0.5, np.array([1.0]), np.array([0.0]))), V.rate  # Phi_i = q^2/2
        (0.75, 0.25)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Lemma 32. The proof, and with it the weight 7/6, is ours.
    """

    convexity: float
    mass: Schedule

    def __post_init__(self) -> None:
        _check_convexity(self.convexity)

    @property
    def rate(self) -> float:
        r"""$\lambda$, per unit of time."""
        return self.convexity

    def __call__(self, t: Scalar, gap: Any, displacement: Any, velocity: Any) -> Any:
        r"""$V_i$ at time $t$ from $\Phi_i(q)-\Phi_i^*$, shape (...) like $t$, and $q-\theta^*_i$ and $p$, (..., K)."""
        mass = self.mass(t)
        # One time, or one a row of the arrays.
        share = mass * velocity if not getattr(mass, "ndim", 0) else mass[..., None] * velocity
        return mass * gap + (_square(displacement + share) + _square(share)) / 4


def _square(x: Any) -> Any:
    return (x * x).sum(-1)


def _check_convexity(convexity: float) -> None:
    if not 0 < _checks.number(convexity, "convexity", "it is the constant of assumption A2") <= 0.25:
        raise _checks.fail("convexity", "in (0, 1/4]", convexity, "assumption A2 caps it there")
