"""Euler's method in two forms that bear every mass down to 0, the paper's and the exponential one; and Heun's."""

from typing import Any

from jax import Array

from underdamped.coefficients import semi_implicit_euler
from underdamped.process.flows import Stepping, System
from underdamped.process.phi import phi


class SemiImplicitEuler(Stepping):
    r"""The paper's scheme (36): friction at the new velocity, gradient at the old position. First order.

    $p' = (m p - h g)/(m + \alpha h)$, $q' = q + h p'$, with $m$ at the beginning of the step.

    One gradient a step, stable for $h < 2\alpha/L$ at every mass. Steps end at every switch and every saved time, so
    they are at most ``step``, not all equal to it.

    Args:
        step: $h > 0$.

    Raises:
        ValueError: If ``step`` is not positive.

    Example:
        >>> SemiImplicitEuler(step=0.01).max_step
        0.01

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (36).
    """

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """One step of the scheme."""
        decay, gain = semi_implicit_euler(duration, system.mass_at(time), system.friction)
        velocity = decay * velocity - gain * system.target.gradient(position, chosen)
        return position + duration * velocity, velocity


class ExponentialEuler(Stepping):
    r"""Friction solved exactly, the gradient frozen over the step. First order uniformly in the mass, down to 0.

    With $x = \alpha h/m$: $p' = e^{-x} p - x\varphi_1 g/\alpha$, $q' = q + h(\varphi_1 p - x\varphi_2 g/\alpha)$.
    At mass 0 it is Euler's method for the stochastic gradient process. One gradient a step.

    Args:
        step: $h > 0$.

    Raises:
        ValueError: If ``step`` is not positive.

    Example:
        >>> ExponentialEuler(step=0.01).max_step
        0.01

    References:
        Hochbruck and Ostermann, *Exponential integrators* (Acta Numerica 2010).
    """

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """One step: variation of constants with the gradient of the start."""
        weights = phi(system.friction * duration / system.mass_at(time + duration / 2))
        pull = system.target.gradient(position, chosen) / system.friction
        return (
            position + duration * (weights.phi1 * velocity - weights.x_phi2 * pull),
            weights.decay * velocity - weights.x_phi1 * pull,
        )


class ExponentialHeun(Stepping):
    r"""Friction solved exactly, the gradient linear over the step. Second order uniformly in the mass, down to 0.

    Variation of constants with $x = \alpha h/m(t + h/2)$, $g_0 = \nabla\Phi(q)$ and $g_1$ the gradient where
    exponential Euler arrives:
    $p' = e^{-x} p - \frac1\alpha[(x\varphi_1 - x\varphi_2) g_0 + x\varphi_2 g_1]$,
    $q' = q + h\varphi_1 p - \frac h\alpha [x\varphi_2 g_0 + x\varphi_3 (g_1 - g_0)]$.

    At mass 0 it is Heun's method for the stochastic gradient process: no step restriction comes from a small mass. The
    step must resolve the curvature, $h \lesssim \alpha/L$, not the friction. Two gradients a step.

    Args:
        step: $h > 0$.

    Raises:
        ValueError: If ``step`` is not positive.

    Example:
        >>> ExponentialHeun(step=0.01).max_step
        0.01

    References:
        Hochbruck and Ostermann, *Exponential integrators* (Acta Numerica 2010).
    """

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """One step: predict with exponential Euler, correct with the gradient there."""
        weights = phi(system.friction * duration / system.mass_at(time + duration / 2))
        pull = system.target.gradient(position, chosen) / system.friction
        predicted = position + duration * (weights.phi1 * velocity - weights.x_phi2 * pull)
        change = system.target.gradient(predicted, chosen) / system.friction - pull
        return (
            predicted - duration * weights.x_phi3 * change,
            weights.decay * velocity - weights.x_phi1 * pull - weights.x_phi2 * change,
        )
