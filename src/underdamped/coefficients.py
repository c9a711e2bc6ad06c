"""The step of the scheme, once: every front-end takes its coefficients from here."""

from typing import Any, NamedTuple, TypeAlias

from underdamped import _checks

Scalar: TypeAlias = Any
"""A Python float, a PyTorch scalar or a traced JAX value: whatever knows ``+ * /``."""


class StepCoefficients(NamedTuple):
    r"""The two numbers of one step, $p' = \text{decay}\,p - \text{gain}\,g$.

    Attributes:
        decay: share of the velocity that survives the step, in $[0, 1)$; the momentum factor of heavy ball.
        gain: share of the gradient that enters the velocity, $> 0$, in units of 1/friction.
    """

    decay: Scalar
    gain: Scalar


class HeavyBall(NamedTuple):
    r"""Hyper-parameters of heavy ball in PyTorch's form, $b' = \rho b + g,\ q' = q - \text{lr}\,b'$.

    Attributes:
        lr: step of the gradient, $> 0$.
        momentum: $\rho \in [0, 1)$.
    """

    lr: Scalar
    momentum: Scalar


class StepAndMass(NamedTuple):
    r"""Hyper-parameters of the scheme at a given friction.

    Attributes:
        step_size: $h > 0$, in units of time.
        mass: $m \ge 0$, in units of friction times time.
    """

    step_size: Scalar
    mass: Scalar


def semi_implicit_euler(step_size: Scalar, mass: Scalar, friction: Scalar) -> StepCoefficients:
    r"""Coefficients of one semi-implicit Euler step of the underdamped flow.

    The flow is $\dot q = p,\ m \dot p = -g(q) - \alpha p$. Friction is taken at the new velocity, the gradient at the
    old position: $p' = (m p - h g)/(m + \alpha h)$, $q' = q + h p'$.

    Only ``+ * /`` are used, so Python floats, PyTorch scalars and JAX tracers work; nothing is validated here
    (front-ends do that once, at construction).

    Args:
        step_size: $h > 0$, in units of time.
        mass: $m \ge 0$, in units of friction times time. With 0 the step is gradient descent with rate $h/\alpha$.
        friction: $\alpha > 0$.

    Returns:
        ``decay`` $= m/(m+\alpha h) \in [0, 1)$ and ``gain`` $= h/(m+\alpha h)$; ``decay + friction * gain == 1``.

    Example:
        >>> decay, gain = semi_implicit_euler(step_size=0.1, mass=0.9, friction=1.0)
        >>> round(decay, 12), round(gain, 12)
        (0.9, 0.1)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (34)-(36).
    """
    inertia = mass + friction * step_size
    return StepCoefficients(decay=mass / inertia, gain=step_size / inertia)


def stability_limit(curvature: Scalar, mass: Scalar, friction: Scalar = 1.0) -> Scalar:
    r"""Largest stable step of the scheme on a quadratic.

    On $\Phi(q) = a q^2/2$ the scheme is stable if and only if $h^2 a < 4 m + 2 \alpha h$, that is $h < h_{\max}$ with

    $$h_{\max} = \frac{\alpha + \sqrt{\alpha^2 + 4 a m}}{a} \ge \frac{2\alpha}{a}.$$

    The limit *grows* with the mass, so $h < 2\alpha/a$ is safe for every mass, on the way to 0 too. It is sharp: at
    the limit itself an eigenvalue of the step sits at $-1$. It holds for a fixed quadratic; switching between
    several can be unstable below it.

    Args:
        curvature: $a > 0$, the largest eigenvalue of the Hessian.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        $h_{\max}$; stable strictly below, unstable above.

    Example:
        >>> stability_limit(curvature=4.0, mass=0.0, friction=1.0)  # gradient descent: 2/L
        0.5
        >>> stability_limit(curvature=4.0, mass=0.75, friction=2.0)
        1.5

    References:
        Derived here from the characteristic polynomial of (37) in Jin, Latz, Liu and Scagliotti (JMLR 2025); their
        rule (38), $h = \alpha/L$, is half of the limit at mass 0.
    """
    return (friction + (friction * friction + 4 * curvature * mass) ** 0.5) / curvature


def mass_from_decay(decay: Scalar, step_size: Scalar, friction: Scalar = 1.0) -> Scalar:
    r"""The mass at which one step keeps the share ``decay`` of the velocity.

    The odds of the momentum factor: $m = \alpha h \, \text{decay} / (1 - \text{decay})$. So a constant momentum factor
    under a decaying learning rate *is* a mass that decays like the step.

    Args:
        decay: momentum factor, in $[0, 1)$.
        step_size: $h > 0$.
        friction: $\alpha > 0$.

    Returns:
        The mass $m \ge 0$ with ``semi_implicit_euler(step_size, m, friction).decay == decay``.

    Example:
        >>> round(mass_from_decay(0.9, step_size=1.0), 12)
        9.0

    References:
        Inverse of (36) in Jin, Latz, Liu and Scagliotti (JMLR 2025).
    """
    return friction * step_size * decay / (1 - decay)


def heavy_ball_to_sgmp(lr: Scalar, momentum: Scalar, friction: Scalar = 1.0) -> StepAndMass:
    r"""The step size and mass that make the scheme equal to heavy ball.

    $h = \alpha\,\text{lr}/(1-\rho)$ and $m = \alpha h \rho/(1-\rho)$. The velocity is $p = -\text{lr}\,b/h$ for
    PyTorch's buffer $b$ (undamped, no Nesterov): the learning rate of heavy ball hides a factor $1/(1-\rho)$ of time.

    Args:
        lr: learning rate of heavy ball, finite and $> 0$ ($0$ is allowed and gives $h = m = 0$).
        momentum: $\rho \in [0, 1)$.
        friction: $\alpha > 0$; any value gives the same positions, 1 is the paper's.

    Returns:
        ``step_size`` $h$ and ``mass`` $m$.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> step_size, mass = heavy_ball_to_sgmp(lr=0.1, momentum=0.9)
        >>> round(step_size, 12), round(mass, 12)
        (1.0, 9.0)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Section 4, one-variable form (37).
    """
    _checks.non_negative(lr, "lr", "it is the learning rate of heavy ball")
    _checks.fraction(momentum, "momentum", "at 1 the velocity never forgets and no mass corresponds to it")
    _checks.positive(friction, "friction", "without friction the flow does not converge")
    step_size = friction * lr / (1 - momentum)
    return StepAndMass(step_size=step_size, mass=mass_from_decay(momentum, step_size, friction))


def sgmp_to_heavy_ball(step_size: Scalar, mass: Scalar, friction: Scalar = 1.0) -> HeavyBall:
    r"""The learning rate and momentum of the heavy ball that the scheme is equal to.

    $\text{lr} = h \cdot \text{gain} = h^2/(m+\alpha h)$ and $\rho = \text{decay} = m/(m+\alpha h)$.

    Args:
        step_size: $h > 0$.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.

    Returns:
        ``lr`` and ``momentum`` for ``torch.optim.SGD``.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> lr, momentum = sgmp_to_heavy_ball(step_size=1.0, mass=9.0)
        >>> round(lr, 12), round(momentum, 12)
        (0.1, 0.9)

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), one-variable form (37).
    """
    _checks.positive(step_size, "step_size", "it is a length of time")
    _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
    _checks.positive(friction, "friction", "without friction the flow does not converge")
    decay, gain = semi_implicit_euler(step_size, mass, friction)
    return HeavyBall(lr=step_size * gain, momentum=decay)
