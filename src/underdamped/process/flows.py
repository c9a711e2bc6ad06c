"""What moves between two switches, and what every flow that moves it has to say."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped import _checks
from underdamped.process.targets import Target
from underdamped.schedules import Schedule


class System(eqx.Module):
    r"""What moves: $\dot q = p,\ m(t)\,\dot p = -\nabla\Phi_{\text{chosen}}(q) - \alpha p$."""

    target: Target
    mass: float | Array | Schedule
    friction: float | Array

    def mass_at(self, time: Array) -> Array:
        """$m(t)$, never below 0: a schedule may round there on its way down."""
        mass = self.mass(time) if callable(self.mass) else self.mass
        return jnp.maximum(jnp.asarray(mass, dtype=time.dtype), 0)

    def least_mass(self, until: float) -> float:
        """Smallest mass up to time ``until``, of a schedule as seen at a thousand times."""
        if not callable(self.mass):
            return float(self.mass)
        return float(jax.vmap(self.mass_at)(jnp.linspace(0.0, until, 1001)).min())

    def relaxed_velocity(self, position: Array, chosen: Any) -> Array:
        r"""$-\nabla\Phi(q)/\alpha$, the only velocity there is at mass 0."""
        return -self.target.gradient(position, chosen) / self.friction


class Flow(eqx.Module):
    """How the state moves while the index stands still. Subclass it for an integrator of your own.

    The event loop cuts the time between two events into equal pieces of at most ``max_step``.
    """

    def prepare(self, system: System, until: float = 0.0) -> "Flow":
        """This flow with what it can compute once for all paths up to time ``until``; itself by default."""
        del system, until
        return self

    @property
    @abstractmethod
    def max_step(self) -> float:
        """Longest step; infinite if one step may span any time."""

    @abstractmethod
    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """Position and velocity after ``duration`` > 0, starting at ``time``."""


class Stepping(Flow):
    """A flow with a step chosen by the user."""

    step: float

    def __init__(self, step: float) -> None:
        self.step = _checks.positive(step, "step", "it is a length of time")

    @property
    def max_step(self) -> float:
        """The step chosen."""
        return self.step


def is_massless(system: System, until: float) -> bool:
    """Whether the mass is 0 throughout, for flows that divide by it: then no schedule may arrive there."""
    if callable(system.mass) and system.least_mass(until) <= 0:
        way_out = "this flow divides by it; use ExponentialHeun(step), which follows the mass down to 0"
        raise _checks.fail("mass", "positive up to the last saved time", "a schedule that reaches 0", way_out)
    return not callable(system.mass) and float(system.mass) == 0
