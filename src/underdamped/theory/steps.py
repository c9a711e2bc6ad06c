"""One mode of the discrete scheme: the paper's step rule, and how much each step contracts."""

import math
from fractions import Fraction

from underdamped import _checks
from underdamped.coefficients import semi_implicit_euler
from underdamped.theory.oscillator import _oscillator


def step_rule(max_curvature: float, friction: float = 1.0) -> float:
    r"""The paper's step size, whatever the mass.

    $$h = \frac{\alpha}{L}$$

    Half of the stability limit at mass 0, and so at most half of it at any mass (`underdamped.stability_limit`).

    Args:
        max_curvature: $L > 0$, a Lipschitz constant of the gradient. With mini-batches take that of the worst batch,
            which can lie far above that of the mean.
        friction: $\alpha > 0$.

    Returns:
        $h$, in units of time.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from underdamped import stability_limit
        >>> step_rule(max_curvature=4.0, friction=2.0)
        0.5
        >>> stability_limit(curvature=4.0, mass=0.0, friction=2.0)
        1.0

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (38).
    """
    L = _checks.positive(max_curvature, "max_curvature", "it is a Lipschitz constant of the gradient")
    return _checks.positive(friction, "friction", "without friction the flow does not converge") / L


def contraction_factor(step_size: float, curvature: float, mass: float, friction: float = 1.0) -> float:
    r"""What a step of the scheme multiplies the distance to the minimiser by, in the long run.

    The spectral radius of the step on $\Phi(q) = a q^2/2$. With decay $d = m/(m+\alpha h)$ and $c = h^2 a/(m+\alpha
    h)$ the eigenvalues are the roots of $z^2 - (1+d-c)\,z + d$, so

    $$\rho = \sqrt d \ \text{ if } (1+d-c)^2 \le 4d, \qquad
      \rho = \tfrac12 \Bigl( |1+d-c| + \sqrt{(1+d-c)^2 - 4d} \Bigr) \ \text{ otherwise}.$$

    A single step can stretch: $|q_n| \le C(1+n)\rho^n$. Below 1 exactly below `underdamped.stability_limit`; and
    $-\log(\rho)/h$ tends to `contraction_rate` as $h \to 0$. The discriminant is exact (rational arithmetic).

    Args:
        step_size: $h > 0$.
        curvature: $a > 0$.
        mass: $m \ge 0$. With 0 it is gradient descent, $\rho = |1 - ha/\alpha|$.
        friction: $\alpha > 0$.

    Returns:
        $\rho \ge 0$; above 1 the scheme diverges.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> contraction_factor(step_size=0.25, curvature=2.0, mass=0.0)  # gradient descent: 1 - h a
        0.5
        >>> contraction_factor(step_size=1.0, curvature=1.0, mass=1.0)  # underdamped: sqrt(1/2)
        0.7071067811865476

    References:
        Derived here from the one-variable form (37) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    a, m, alpha = _oscillator(curvature, mass, friction)
    h = Fraction(_checks.positive(step_size, "step_size", "it is a length of time"))
    decay, gain = semi_implicit_euler(h, Fraction(m), Fraction(alpha))
    trace = 1 + decay - h * gain * Fraction(a)
    discriminant = trace * trace - 4 * decay
    if discriminant < 0:
        return math.sqrt(decay)
    return (abs(float(trace)) + math.sqrt(discriminant)) / 2


def worst_contraction_factor(
    step_size: float, min_curvature: float, max_curvature: float, mass: float, friction: float = 1.0
) -> float:
    r"""The contraction factor of the worst curvature in $[\mu, L]$.

    $$\max_{\mu \le a \le L} \rho(a) = \max(\rho(\mu), \rho(L)),$$

    because along growing $a$ the factor first falls (from 1, at $a = 0$), then stays at $\sqrt d$, then grows: with
    $b = |1+d-c|$ it is non-decreasing in $b$, and $b$ falls and then grows in $c$.

    It is the factor of the *full* gradient. Under subsampling no factor of a single component says what the product
    of many does.

    Args:
        step_size: $h > 0$.
        min_curvature: $\mu > 0$.
        max_curvature: $L \ge \mu$.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        The worst $\rho$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> worst_contraction_factor(step_rule(4.0), min_curvature=1.0, max_curvature=4.0, mass=0.0)  # 1 - mu/L
        0.75

    References:
        Derived here.
    """
    mu, L = _curvatures(min_curvature, max_curvature)
    return max(contraction_factor(step_size, a, mass, friction) for a in (mu, L))


def _curvatures(min_curvature: float, max_curvature: float) -> tuple[float, float]:
    mu = _checks.positive(min_curvature, "min_curvature", "it is the constant of strong convexity")
    L = _checks.positive(max_curvature, "max_curvature", "it is a Lipschitz constant of the gradient")
    if mu > L:
        raise _checks.fail("max_curvature", f"at least min_curvature={mu!r}", L, "L bounds every curvature from above")
    return mu, L
