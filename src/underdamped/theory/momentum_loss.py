r"""Losing momentum: how far the process is from the one without mass, on the same index path (Theorems 6 and 15)."""

import math

from underdamped import _checks


def sgp_gradient_bound(
    min_curvature: float, max_curvature: float, gradient_at_minimizer: float, distance: float
) -> float:
    r"""A bound on every component's gradient along the whole path of the stochastic gradient process.

    If every $\Phi_i$ is $\mu$-strongly convex with an $L$-Lipschitz gradient, and $g^* =
    \max_i|\nabla\Phi_i(\theta^*)|$, then for all $t$, all $i$ and every index path

    $$|\nabla\Phi_i(\theta_t)| \le g^* + L \max\bigl(|\theta_0-\theta^*|,\; g^*/\mu\bigr).$$

    *Proof.* $|\theta-\theta^*|$ does not grow where it exceeds $g^*/\mu$:
    $(\theta-\theta^*)\cdot\nabla\Phi_i(\theta) \ge \mu|\theta-\theta^*|^2 - g^*|\theta-\theta^*|$. $\blacksquare$

    Args:
        min_curvature: $\mu > 0$ of every component.
        max_curvature: $L \ge \mu$ of every component.
        gradient_at_minimizer: $g^* \ge 0$. It is *not* 0 at the minimiser of the sum: it is what makes the gradient
            stochastic.
        distance: $|\theta_0 - \theta^*| \ge 0$.

    Returns:
        The bound $G$, for `mass_gap`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> sgp_gradient_bound(min_curvature=1.0, max_curvature=2.0, gradient_at_minimizer=3.0, distance=1.0)
        9.0

    References:
        Derived here.
    """
    mu, L = _bounds(min_curvature, max_curvature)
    if mu == 0:
        raise _checks.fail("min_curvature", "positive", mu, "without strong convexity the path need not stay bounded")
    g = _checks.non_negative(gradient_at_minimizer, "gradient_at_minimizer", "it is a norm")
    return g + L * max(_checks.non_negative(distance, "distance", "it is a norm"), g / mu)


def mass_gap(
    initial_mass: float,
    min_curvature: float,
    max_curvature: float,
    gradient_bound: float,
    *,
    friction: float = 1.0,
    initial_speed: float = 0.0,
    decay_rate: float = 0.0,
    horizon: float = math.inf,
) -> float:
    r"""The constant $K$ in $|q_t - \theta_t| \le K\,m(t)$: with mass against without, on one index path.

    Let every $\Phi_i$ be $\mu$-strongly convex ($\mu = 0$: convex, and then the mass is constant and $T$ finite) with
    an $L$-Lipschitz gradient, $q_0 = \theta_0$, and let the mass never grow and satisfy $|m'| \le \lambda m$ with
    $\lambda \le \mu$. At friction 1, for all $t \le T$ and **every** index path,

    $$K = \frac{(2 + (L+\lambda)m_0)\,|p_0| + (1 + (L+\lambda)S)\,G}{1 - m_0 L\,(1 + (L+\lambda)S)}, \qquad
      S = \int_0^T e^{-(\mu-\lambda)s}\,ds,$$

    where $G \ge |\nabla\Phi_i(\theta_t)|$ for all $i$ and $t \le T$ (`sgp_gradient_bound`), as long as the
    denominator is positive. A friction $\alpha$ is reduced to 1 by the time $t/\alpha$, mass $m/\alpha^2$, velocity
    $\alpha p$ and rate $\alpha\lambda$. The process without mass is then
    $\alpha\,d\theta = -\nabla\Phi_i(\theta)\,dt$.

    With $\lambda = 0$ (constant mass) it is Theorem 6: the distance is $O(m)$, for every rate of switching and so for
    every $\nu = m^\delta$; for $\mu > 0$ uniformly in time. With a mass that decays to 0 it is Theorem 15, with the
    rate $m(t)$, at all times and on every path. The constant is not the paper's.

    *Proof.* $e = q + mp - \theta$ satisfies $\dot e = m'p - (\nabla\Phi_i(q) - \nabla\Phi_i(\theta))$, the two
    accelerations having cancelled. Monotonicity between $q + mp$ and $\theta$, and the Lipschitz bound between $q +
    mp$ and $q$, give $\tfrac{d}{dt}|e| \le -\mu|e| + (L+\lambda)\,m|p|$. From $m\dot p = -\nabla\Phi_i(q) - p$
    follows $|p_t| \le e^{-t/m_0}|p_0| + Q$ with $Q = \sup_{s\le t}|\nabla\Phi_i(q_s)| \le G + L m_0 D$ and $D =
    \sup_{s \le t} |q_s-\theta_s|/m(s)$. Now insert both in $|q-\theta| \le |e| + m|p|$, divide by $m(t)$, use $m(s)
    \le m(t)e^{\lambda(t-s)}$ and $e^{-\mu t}m_0 \le m(t)$, and solve for $D$. $\blacksquare$

    Args:
        initial_mass: $m_0 > 0$.
        min_curvature: $\mu \ge 0$ of every component; 0 needs a finite ``horizon``.
        max_curvature: $L \ge \mu$ of every component, positive.
        gradient_bound: $G \ge 0$.
        friction: $\alpha > 0$.
        initial_speed: $|p_0| \ge 0$.
        decay_rate: $\lambda \ge 0$ with $|m'(t)| \le \lambda m(t)$, as from `decay_rate`; 0 for a constant mass.
        horizon: $T > 0$.

    Returns:
        $K$; ``inf`` where nothing is proved, because $\lambda > \mu$ or the mass is not below `mass_gap_limit`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> round(mass_gap(0.1, min_curvature=1.0, max_curvature=2.0, gradient_bound=5.0), 9)  # 3 G / (1 - 0.6)
        37.5
        >>> mass_gap(0.2, min_curvature=1.0, max_curvature=2.0, gradient_bound=5.0)
        inf

    References:
        Derived here. The statements are Theorems 6 and 15 of Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    m0 = _checks.positive(initial_mass, "initial_mass", "at mass 0 the two processes are one")
    G = _checks.non_negative(gradient_bound, "gradient_bound", "it is a norm")
    speed = _checks.non_negative(initial_speed, "initial_speed", "it is a norm")
    limit = mass_gap_limit(min_curvature, max_curvature, friction=friction, decay_rate=decay_rate, horizon=horizon)
    if m0 >= limit:
        return math.inf
    mass, speed, drift = m0 / friction**2, friction * speed, max_curvature + friction * decay_rate
    feedback = friction**2 / (limit * max_curvature)
    return ((2 + drift * mass) * speed + feedback * G) / (1 - m0 / limit) / friction**2


def mass_gap_limit(
    min_curvature: float,
    max_curvature: float,
    *,
    friction: float = 1.0,
    decay_rate: float = 0.0,
    horizon: float = math.inf,
) -> float:
    r"""The initial mass below which `mass_gap` bounds the distance from time 0 on.

    $$m_0 < \frac{1}{L\,(1 + (L+\lambda)S)}, \qquad S = \int_0^T e^{-(\mu-\lambda)s}\,ds \qquad (\text{friction } 1).$$

    It stands where Theorem 15 has its $m_0$, but it is not the paper's constant. For
    convergence itself *no* bound on $m_0$ is needed when $\mu > 0$, $m \to 0$ and $|m'| \le \lambda m$ for *some*
    $\lambda$: once $m(t_0)\,L\,(1 + (L+\lambda)/\mu) < 1$, the proof of `mass_gap`, started at $t_0$, bounds the
    velocity for good; then $m|p| \to 0$, hence $e \to 0$ and $q - \theta \to 0$, on every path.

    Args:
        min_curvature: $\mu \ge 0$ of every component.
        max_curvature: $L \ge \mu$ of every component, positive.
        friction: $\alpha > 0$.
        decay_rate: $\lambda \ge 0$ with $|m'(t)| \le \lambda m(t)$.
        horizon: $T > 0$.

    Returns:
        The limit; 0 where nothing is proved, because $\lambda > \mu$, or $\lambda = \mu$ without a horizon.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> round(mass_gap_limit(min_curvature=1.0, max_curvature=2.0), 6)  # 1 / (L (1 + L/mu))
        0.166667
        >>> mass_gap_limit(min_curvature=1.0, max_curvature=2.0, decay_rate=1.0)
        0.0

    References:
        Derived here.
    """
    mu, L = _bounds(min_curvature, max_curvature)
    alpha = _checks.positive(friction, "friction", "without friction the flow does not converge")
    decay = alpha * _checks.non_negative(decay_rate, "decay_rate", "a mass that grows is not lost")
    if not horizon > 0:
        raise _checks.fail("horizon", "positive", horizon, "it is the length of time that the bound is for")
    if decay > mu:
        return 0.0
    memory = mu - decay
    reach = horizon / alpha if memory == 0 else -math.expm1(-memory * horizon / alpha) / memory
    return alpha * alpha / (L * (1 + (L + decay) * reach))


def _bounds(min_curvature: float, max_curvature: float) -> tuple[float, float]:
    mu = _checks.non_negative(min_curvature, "min_curvature", "the bounds are for convex components")
    L = _checks.positive(max_curvature, "max_curvature", "it is a Lipschitz constant of the gradient")
    if mu > L:
        raise _checks.fail("max_curvature", f"at least min_curvature={mu!r}", L, "L bounds every curvature from above")
    return mu, L
