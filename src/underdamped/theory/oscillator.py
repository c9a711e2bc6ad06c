"""One mode of the flow: the damped oscillator, how fast it contracts, and the mass that makes it fastest."""

import math
from fractions import Fraction

from underdamped import _checks


def contraction_rate(curvature: float, mass: float, friction: float = 1.0) -> float:
    r"""Exponential rate at which the damped oscillator comes to rest.

    The slower root of $m s^2 + \alpha s + a = 0$, the characteristic equation of $m \ddot q + \alpha \dot q + a q =
    0$:

    $$r(a) = \frac{2a}{\alpha + \sqrt{\alpha^2 - 4am}} \ \text{ if } 4am \le \alpha^2, \qquad
      r(a) = \frac{\alpha}{2m} \ \text{ otherwise}.$$

    It is the asymptotic rate: $|q_t| \le C(1+t)\,e^{-rt}$, with a constant, and with the factor $1+t$ at critical
    damping alone. The rate never falls as $a$ grows, so **the worst over** $[\mu, L]$ **is that of** $\mu$.

    The discriminant is taken in exact rational arithmetic, so nothing cancels near critical damping, and the form
    above loses no digits as $m \to 0$.

    Args:
        curvature: $a > 0$, an eigenvalue of the Hessian.
        mass: $m \ge 0$. With 0 the rate is that of the gradient flow, $a/\alpha$.
        friction: $\alpha > 0$.

    Returns:
        $r > 0$, per unit of time.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> contraction_rate(curvature=3.0, mass=0.0, friction=2.0)  # gradient flow: a / alpha
        1.5
        >>> contraction_rate(curvature=3.0, mass=0.25, friction=2.0)  # overdamped
        2.0
        >>> contraction_rate(curvature=3.0, mass=4.0, friction=2.0)  # underdamped: alpha / (2 m)
        0.25

    References:
        Derived here from the underdamped gradient flow (4) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    a, m, alpha = _oscillator(curvature, mass, friction)
    damping = 1 - 4 * Fraction(a) * Fraction(m) / Fraction(alpha) ** 2
    if damping < 0:
        return alpha / (2 * m)
    return 2 * a / alpha / (1 + math.sqrt(damping))


def best_mass(min_curvature: float, friction: float = 1.0) -> float:
    r"""The constant mass with the fastest worst rate over all curvatures $\ge \mu$.

    $$m^* = \frac{\alpha^2}{4\mu}, \qquad r(\mu) = \frac{2\mu}{\alpha},$$

    twice the rate $\mu/\alpha$ of the gradient flow at the same friction. It critically damps the flattest direction,
    and that is the best: below $m^*$ the rate $r(\mu)$ grows with the mass, above it $\alpha/(2m)$ falls.

    It is the best for the *full* gradient. Under random switching it is known to be stable for every index process
    only if $L < 9\mu$, by `ergodicity_threshold`.

    Args:
        min_curvature: $\mu > 0$, the smallest eigenvalue of the Hessian.
        friction: $\alpha > 0$.

    Returns:
        $m^*$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> best_mass(min_curvature=0.5, friction=2.0)
        2.0
        >>> contraction_rate(0.5, mass=2.0, friction=2.0), contraction_rate(0.5, mass=0.0, friction=2.0)
        (0.5, 0.25)

    References:
        Derived here.
    """
    mu = _checks.positive(min_curvature, "min_curvature", "a flat direction never comes to rest")
    alpha = _checks.positive(friction, "friction", "without friction the flow does not converge")
    return alpha * alpha / (4 * mu)


def _oscillator(curvature: float, mass: float, friction: float) -> tuple[float, float, float]:
    return (
        _checks.positive(curvature, "curvature", "on a flat or concave direction nothing contracts"),
        _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below"),
        _checks.positive(friction, "friction", "without friction the flow does not converge"),
    )
