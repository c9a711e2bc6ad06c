r"""Any switching: a norm in which every component contracts at once, and with it ergodicity in $W_2$."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from underdamped import _checks
from underdamped.theory.oscillator import contraction_rate
from underdamped.theory.steps import _curvatures


def ergodicity_threshold(min_curvature: float, max_curvature: float, mass: float) -> float:
    r"""Friction above which one quadratic norm contracts every component, however the index switches.

    $$\alpha > \sqrt m\,\bigl(\sqrt L - \sqrt\mu\bigr)$$

    Sufficient, and sharp for quadratic norms: at or below it no quadratic norm contracts all curvatures in $[\mu, L]$
    (the circle criterion). It is not necessary for stability, which can also hold because the index switches slowly,
    or fast.

    Args:
        min_curvature: $\mu > 0$, a constant of strong convexity of *every* component.
        max_curvature: $L \ge \mu$, a Lipschitz constant of *every* component's gradient.
        mass: $m \ge 0$, constant.

    Returns:
        The threshold of the friction; 0 at mass 0.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> ergodicity_threshold(min_curvature=1.0, max_curvature=9.0, mass=0.25)
        1.0
        >>> common_norm(min_curvature=1.0, max_curvature=9.0, mass=0.25, friction=1.0).rate
        0.0

    References:
        Derived here: it is where the rate of `common_norm` changes its sign.
    """
    mu, L = _curvatures(min_curvature, max_curvature)
    m = _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
    return math.sqrt(m) * (L - mu) / (math.sqrt(L) + math.sqrt(mu))


@dataclass(frozen=True)
class CommonNorm:
    r"""$\|(q,p)\|^2 = |m p + \tfrac{\alpha}{2} q|^2 + s\,|q|^2$, contracted by every component: see `common_norm`.

    Attributes:
        mass: $m$.
        friction: $\alpha$.
        stiffness: $s \ge 0$. It is 0, and this no norm, only if all curvatures are equal and critically damped.
        rate: $r$, per unit of time.

    Example:
        >>> import numpy as np
        >>> norm = common_norm(min_curvature=1.0, max_curvature=2.0, mass=1.0, friction=2.0)
        >>> float(norm(np.array([1.0]), np.array([0.0])))  # sqrt(alpha^2/4 + s)
        1.224744871391589
    """

    mass: float
    friction: float
    stiffness: float
    rate: float

    def __call__(self, position: Any, velocity: Any) -> Any:
        """The norm of differences of position and velocity, arrays (..., K) of any library; shape (...)."""
        mixed = self.mass * velocity + self.friction / 2 * position
        return ((mixed * mixed).sum(-1) + self.stiffness * (position * position).sum(-1)) ** 0.5


def common_norm(min_curvature: float, max_curvature: float, mass: float, friction: float = 1.0) -> CommonNorm:
    r"""The quadratic norm that all components contract fastest, whatever the index process does.

    Two paths of the process with one index path satisfy $\|z_t - z'_t\| \le e^{-rt}\,\|z_0 - z'_0\|$ for

    $$\|(q,p)\|^2 = \bigl|m p + \tfrac{\alpha}{2} q\bigr|^2 + s\,|q|^2$$

    with, where the friction is moderate and where it is large,

    $$s = \tfrac14\bigl(2m(L+\mu) - \alpha^2\bigr), \quad
      r = \frac{\alpha}{2m} - \frac{L-\mu}{2\sqrt{2m(L+\mu) - \alpha^2}}
      \qquad\text{if } \alpha^2 < m(L+3\mu),$$

    $$s = \tfrac14\bigl(\alpha^2 - 4m\mu\bigr), \quad r = \frac{2\mu}{\alpha + \sqrt{\alpha^2 - 4m\mu}}
      \qquad\text{if } \alpha^2 \ge m(L+3\mu).$$

    So for $r > 0$ the laws of two starts, each independent of the index path, approach each other in the $W_2$
    distance of this norm at the rate $r$, for *any* index process, convex mixtures (mini-batches) included; and if
    the index is Markov and stationary, there is one invariant law of state and index with that law of the index, if
    the gradients have second moments. In the second case $r$ is the rate of the slowest mode alone
    (`contraction_rate`): switching costs nothing. A rate $\le 0$ (see `ergodicity_threshold`) proves no contraction;
    it still bounds the growth.

    *Proof.* Let $q, p$ be the differences. Then $m\dot p = -Hq - \alpha p$ with a symmetric $H = H(t)$, the mean
    Hessian between the two positions, whose eigenvalues lie in $[\mu, L]$. Put $y = mp + \tfrac\alpha2 q$ and $c =
    (s + \alpha^2/4)/m$. Then $\dot q = (y - \tfrac\alpha2 q)/m$ and $\dot y = -\tfrac{\alpha}{2m} y - (H -
    \tfrac{\alpha^2}{4m})\,q$, so that

    $$\tfrac{d}{dt}\bigl(|y|^2 + s|q|^2\bigr) = -\tfrac{\alpha}{m}\bigl(|y|^2 + s|q|^2\bigr) - 2\,y\cdot(H - c)\,q .$$

    $|H - c| \le \max(c-\mu, L-c)$ and $2|y||q| \le (|y|^2 + s|q|^2)/\sqrt s$ give the rate
    $r = \tfrac{\alpha}{2m} - \max(c-\mu, L-c)/(2\sqrt s)$. The first case is $c = (L+\mu)/2$, the second
    $c = \alpha^2/(2m) - \mu$, which is the larger. $\blacksquare$

    No other quadratic norm has a larger rate, already in dimension one: counting time in the decay $e^{-rt}$ turns
    $(\alpha, a)$ into $(\alpha - 2mr,\; a - \alpha r + mr^2)$; the circle criterion, necessary for a common quadratic
    norm, wants $\mu - \alpha r + mr^2 \ge 0$ and $\alpha - 2mr \ge \sqrt m(\sqrt{L - \alpha r + mr^2} - \sqrt{\mu -
    \alpha r + mr^2})$, and a larger $r$ only makes either harder; the second is an equality at the $r$ of the first
    case, the first at that of the second.

    Args:
        min_curvature: $\mu > 0$, a constant of strong convexity of *every* component.
        max_curvature: $L \ge \mu$, a Lipschitz constant of *every* component's gradient.
        mass: $m \ge 0$, constant. With 0 it is $|q|$ up to a factor, and the rate $\mu/\alpha$.
        friction: $\alpha > 0$.

    Returns:
        The norm, with its ``rate``.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> common_norm(min_curvature=1.0, max_curvature=4.0, mass=0.0, friction=2.0).rate
        0.5
        >>> round(common_norm(min_curvature=1.0, max_curvature=4.0, mass=1.0, friction=2.0).rate, 6)
        0.387628
        >>> common_norm(min_curvature=1.0, max_curvature=16.0, mass=1.0, friction=2.0).rate < 0  # threshold: 3
        True

    References:
        Derived here. The paper leaves the long run at constant mass and rate open.
    """
    mu, L = _curvatures(min_curvature, max_curvature)
    m = _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
    alpha = _checks.positive(friction, "friction", "without friction the flow does not converge")
    mu_, L_, m_, damping = (
        Fraction(mu),
        Fraction(L),
        Fraction(m),
        Fraction(alpha) ** 2,
    )  # exact: s must not round to < 0
    if damping >= m_ * (L_ + 3 * mu_):
        return CommonNorm(m, alpha, float(damping - 4 * m_ * mu_) / 4, contraction_rate(mu, m, alpha))
    stiffness = float(2 * m_ * (L_ + mu_) - damping) / 4
    return CommonNorm(m, alpha, stiffness, alpha / (2 * m) - (L - mu) / (4 * math.sqrt(stiffness)))
