"""Motion between switches by splitting: gliding under friction alone and kicks by the gradient, each solved exactly."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped import _checks
from underdamped.process.flows import Stepping, System

_STRANG = ((0.5, 0.5), (0.0, 1.0, 0.0))


def _symmetric(glides: tuple[float, ...], kicks: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A whole palindrome from its first weights; the innermost ones make both sums 1."""
    glides, middle = (*glides, 0.5 - sum(glides)), 1 - 2 * sum(kicks)
    return glides + glides[::-1], (*kicks, middle, *kicks[::-1])


_BLANES_MOAN = _symmetric(
    (0.245298957184271, 0.604872665711080), (0.0829844064174052, 0.396309801498368, -0.0390563049223486)
)

_WEIGHTS = {2: _STRANG, 4: _BLANES_MOAN}
"""By order, the fractions of the step of the glides and of the kicks, which come before, between and after them."""


class Splitting(Stepping):
    r"""Friction and drift solved exactly in turn with kicks by the gradient: second order cheaply, or fourth.

    A glide over $s$ is $q' = q + \frac m\alpha(1 - e^{-\alpha s/m})\,p$, $p' = e^{-\alpha s/m} p$, a kick over $s$ is
    $p' = p - \frac sm \nabla\Phi(q)$. Order 2 (Strang) is half a glide, a kick, half a glide: one gradient a step.
    Order 4 is six glides between seven kicks, with an error so small that few steps will do.

    Only for masses that the step resolves, $h \le 2m/\alpha$: as $m \to 0$ the order falls to 1 and the velocity is
    lost. Both orders are conformally symplectic: a step shrinks the area $dq \wedge dp$ by exactly $e^{-\alpha h/m}$,
    as the flow does. The steps must also resolve the oscillations: without friction a step is stable for
    $h^2 L < 4m$ at order 2, $h^2 L < 25m$ at order 4.

    Args:
        step: $h > 0$.
        order: 2 or 4. Of order 4 only at constant mass; 2 also with a schedule that stays positive.

    Raises:
        ValueError: If ``step`` is not positive, or too long for the mass at some time, or ``order`` not 2 or 4.
        TypeError: If the mass is a schedule and the order 4, or ``order`` no integer.

    Example:
        >>> Splitting(step=0.05).order
        4

    References:
        Blanes and Moan, *Practical symplectic partitioned Runge-Kutta and Runge-Kutta-Nyström methods* (Journal of
        Computational and Applied Mathematics 2002), the method of order 4 in six stages; Strang (1968). That linear
        friction keeps the order: a kick's double commutator with a glide stays a function of the position.
    """

    order: int = eqx.field(static=True)

    def __init__(self, step: float, order: int = 4) -> None:
        super().__init__(step)
        way_out = "2 costs one gradient a step, 4 seven"
        self.order = _checks.count(order, "order", way_out)
        if self.order not in _WEIGHTS:
            raise _checks.fail("order", "2 or 4", order, way_out)

    def prepare(self, system: System, until: float = 0.0) -> "Splitting":
        """Itself, once the mass is known to be one that the step resolves."""
        if callable(system.mass) and self.order == 4:
            way_out = "a mass that changes needs RungeKutta4(step), or Splitting(step, order=2)"
            raise _checks.fail("mass", "a number or Constant at order 4", system.mass, way_out, TypeError)
        longest = 2 * system.least_mass(until) / float(system.friction)
        if self.step > longest:
            way_out = "beyond it the velocity is lost; use ExponentialHeun(step), which follows the mass down to 0"
            raise _checks.fail("step", f"at most 2 mass / friction = {longest:.3g} at all times", self.step, way_out)
        return self

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """One step: kicks and glides in turn."""
        glides, kicks = _WEIGHTS[self.order]
        mass = system.mass_at(time + duration / 2)
        gains = {weight: -jnp.expm1(-weight * duration * (system.friction / mass)) for weight in set(glides)}
        # Worked out once a path, not again for every coordinate.
        gains, relaxation, kick = jax.lax.optimization_barrier((gains, mass / system.friction, duration / mass))
        for kick_weight, glide_weight in zip(kicks, (*glides, 0.0), strict=True):
            if kick_weight:
                velocity = velocity - kick_weight * kick * system.target.gradient(position, chosen)
            if glide_weight:
                lost = gains[glide_weight] * velocity
                position, velocity = position + relaxation * lost, velocity - lost
        return position, velocity
