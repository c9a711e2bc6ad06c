r"""Who passes the false minimiser at 0, starting at rest on its left: the exact criteria, in rational arithmetic."""

import math
from fractions import Fraction

FALSE_MINIMUM, MINIMUM = 0.0, 0.5
"""Where the flow can stop, and the minimiser."""


def flow_passes(mass: float, friction: float) -> bool:
    r"""Whether the underdamped gradient flow passes 0.

    $$\alpha^2 < 8m$$

    Left of 0 it is $m\ddot q + \alpha\dot q + 2q = 0$, which changes its sign if and only if it oscillates.

    Args:
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        Whether it does; on the boundary it does not.

    Example:
        >>> flow_passes(mass=0.5, friction=2.0), flow_passes(mass=0.5 + 1e-15, friction=2.0)
        (False, True)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (7).
    """
    return Fraction(friction) ** 2 < 8 * Fraction(mass)


def passing_time(mass: float, friction: float) -> float:
    r"""When the underdamped gradient flow passes 0 from rest, wherever it starts on the left.

    $$t = \frac{\pi - \arctan(\omega/\gamma)}{\omega}, \qquad \gamma = \frac{\alpha}{2m}, \quad
    \omega = \frac{\sqrt{8m - \alpha^2}}{2m}$$

    the first zero of $e^{-\gamma t}(\cos\omega t + (\gamma/\omega)\sin\omega t)$. It grows without bound towards the
    boundary $\alpha^2 = 8m$.

    Args:
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        The time; infinity where it does not pass.

    Example:
        >>> round(passing_time(mass=3.2, friction=5.0), 2), passing_time(mass=0.5, friction=2.0)
        (24.69, inf)

    References:
        Derived here from equation (5) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    if not flow_passes(mass, friction):
        return math.inf
    root = math.sqrt(8 * Fraction(mass) - Fraction(friction) ** 2)  # exact below the root: no cancellation
    return 2 * mass * (math.pi - math.atan2(root, friction)) / root


def scheme_passes(step: float, mass: float, friction: float) -> bool:
    r"""Whether the scheme (36) passes 0, with any step.

    $$\alpha < \sqrt{8m} + 2h$$

    So the step takes $2h$ off the friction. With the rule $h = \alpha/L$ the boundary is $\alpha^2 (1 - 2/L)^2 = 8m$.

    *Proof.* Left of 0, with $d = m/(m+\alpha h)$ and $c = 2h^2/(m+\alpha h)$, it is $q_{n+1} = (1+d-c)\,q_n -
    d\,q_{n-1}$ and $q_{-1} = q_0$. If the roots of $z^2 - (1+d-c)z + d$ are complex, it oscillates and changes its
    sign. If they are real with a negative sum, $c > 1$ and $q_1 = (1-c)\,q_0$ has the other sign. If they are real and
    $0 \le z_2 < z_1$, both lie below 1 (the polynomial is $c > 0$ there and their product is $d < 1$), and

    $$q_n = q_0\,\frac{z_1^{n+1}(1-z_2) - z_2^{n+1}(1-z_1)}{z_1 - z_2}$$

    keeps the sign of $q_0$, as $z_1^{n+1}/(1-z_1)$ grows with $z_1$; likewise a double root. So it passes if and only
    if $1+d-c < 2\sqrt d$, which is $\sqrt{m+\alpha h} < \sqrt m + \sqrt2\,h$, and, squared, the claim. $\blacksquare$

    Args:
        step: $h > 0$.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        Whether it does; on the boundary it does not.

    Example:
        >>> scheme_passes(step=0.5, mass=0.5, friction=3.0), scheme_passes(step=0.5, mass=0.5, friction=2.99)
        (False, True)

    References:
        Derived here from the one-variable form (37) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    rest = Fraction(friction) - 2 * Fraction(step)
    return rest < 0 or rest**2 < 8 * Fraction(mass)


def split_can_pass(mass: float, friction: float) -> bool:
    r"""Whether the process that sees one of the two terms at a time can ever pass 0, at positive, finite rates.

    $$\alpha^2 < 16m$$

    The terms are $2(\max(x, 0) - 1)^2$ and $2x^2$, whose mean is the potential. Left of 0 the first exerts no force,
    the second twice the mean one.

    *Proof.* Let $s = p/|q|$ for $q < 0$, at first 0. Under the second term $m\dot s = 4 - \alpha s + ms^2$: if
    $\alpha^2 < 16m$ this is positive throughout and $s$ is infinite, that is, 0 is passed, in a bounded time; a stay
    of that length comes sooner or later. Otherwise $s$ cannot exceed the smaller root $s_-$ of $4 - \alpha s + ms^2$;
    under the first, $\dot s = s(s - \alpha/m)$ is negative below $\alpha/m > s_-$. So $s \le s_-$ for all times.
    $\blacksquare$

    Args:
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        Whether it can; then it does so sooner or later, with probability 1.

    Example:
        >>> split_can_pass(mass=1.0, friction=3.9), split_can_pass(mass=1.0, friction=4.0)
        (True, False)

    References:
        Derived here. The paper says nothing about subsampling at a false minimiser.
    """
    return Fraction(friction) ** 2 < 16 * Fraction(mass)
