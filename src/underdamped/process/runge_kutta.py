"""Runge-Kutta methods, fixed and adaptive: accurate where the step resolves the mass, since they divide by it."""

import math
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped import _checks
from underdamped.process.flows import Flow, Stepping, System, is_massless


class RungeKutta4(Stepping):
    r"""The classical Runge-Kutta method: fourth order, for masses that the step resolves, and for mass 0.

    The choice where accuracy is wanted and the mass is not small; it needs $h < 2.7\,m/\alpha$ at all times. At mass 0
    the stochastic gradient process itself is solved; a schedule must not reach 0. Four gradients a step.

    Args:
        step: $h > 0$.

    Raises:
        ValueError: If ``step`` is not positive, or too long for the mass at some time, or a schedule reaches mass 0.

    Example:
        >>> RungeKutta4(step=0.01).max_step
        0.01

    References:
        Hairer, Nørsett and Wanner, *Solving Ordinary Differential Equations I* (1993), Section II.1.
    """

    _is_massless: bool = eqx.field(repr=False)

    def __init__(self, step: float) -> None:
        super().__init__(step)
        self._is_massless = False

    def prepare(self, system: System, until: float = 0.0) -> "RungeKutta4":
        """Whether the mass is 0, where another equation is solved; any other must be resolved by the step."""
        if is_massless(system, until):
            return eqx.tree_at(lambda flow: flow._is_massless, self, True)
        longest = 2.7 * system.least_mass(until) / float(system.friction)
        if self.step > longest:
            way_out = "beyond it is unstable; use ExponentialHeun(step), which needs no step of the size of the mass"
            raise _checks.fail("step", f"at most 2.7 mass / friction = {longest:.3g} at all times", self.step, way_out)
        return self

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """One step."""
        half = duration / 2
        if self._is_massless:
            p1 = system.relaxed_velocity(position, chosen)
            p2 = system.relaxed_velocity(position + half * p1, chosen)
            p3 = system.relaxed_velocity(position + half * p2, chosen)
            p4 = system.relaxed_velocity(position + duration * p3, chosen)
            position = position + duration / 6 * (p1 + 2 * (p2 + p3) + p4)
            return position, system.relaxed_velocity(position, chosen)

        def acceleration(elapsed: Array | float, q: Array, p: Array) -> Array:
            pull = system.target.gradient(q, chosen) + system.friction * p
            return -pull / system.mass_at(time + elapsed)

        p1, a1 = velocity, acceleration(0.0, position, velocity)
        p2, a2 = (p := velocity + half * a1), acceleration(half, position + half * p1, p)
        p3, a3 = (p := velocity + half * a2), acceleration(half, position + half * p2, p)
        p4, a4 = (p := velocity + duration * a3), acceleration(duration, position + duration * p3, p)
        return (
            position + duration / 6 * (p1 + 2 * (p2 + p3) + p4),
            velocity + duration / 6 * (a1 + 2 * (a2 + a3) + a4),
        )


class Diffrax(Flow):
    r"""Diffrax's adaptive solvers, to check the others against. Slow: every path waits for the slowest of its chunk.

    An explicit solver needs steps of the order of $m/\alpha$; give an implicit one, such as ``diffrax.Kvaerno5()``,
    for a small mass. At mass 0 the stochastic gradient process itself is solved; a schedule must not reach 0.

    Args:
        rtol: relative tolerance, $> 0$.
        atol: absolute tolerance, $> 0$.
        solver: a diffrax solver; ``None`` is ``diffrax.Tsit5()``.
        max_steps: steps allowed between two events, at least 1.

    Raises:
        ValueError: If a tolerance or ``max_steps`` is not positive, or a schedule reaches mass 0.
        TypeError: If ``solver`` is none of diffrax.

    Example:
        >>> Diffrax(rtol=1e-6, atol=1e-9).max_step
        inf

    References:
        Kidger, *On Neural Differential Equations* (2021).
    """

    rtol: float
    atol: float
    solver: diffrax.AbstractSolver = eqx.field(static=True)
    max_steps: int = eqx.field(static=True)
    _is_massless: bool = eqx.field(repr=False)

    def __init__(
        self,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        solver: diffrax.AbstractSolver | None = None,
        max_steps: int = 100_000,
    ) -> None:
        self.rtol = _checks.positive(rtol, "rtol", "it is an error that is allowed")
        self.atol = _checks.positive(atol, "atol", "it is an error that is allowed")
        self.solver = diffrax.Tsit5() if solver is None else solver
        if not isinstance(self.solver, diffrax.AbstractSolver):
            way_out = "choose for example diffrax.Kvaerno5()"
            raise _checks.fail("solver", "a diffrax solver", solver, way_out, TypeError)
        self.max_steps = _checks.count(max_steps, "max_steps", "it is the steps allowed between two events")
        self._is_massless = False

    def prepare(self, system: System, until: float = 0.0) -> "Diffrax":
        """At mass 0, that it is: another equation is solved then."""
        return eqx.tree_at(lambda flow: flow._is_massless, self, is_massless(system, until))

    @property
    def max_step(self) -> float:
        """No limit: the solver chooses its own steps."""
        return math.inf

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """Solve over ``duration``; a failed solve gives NaN, which the event loop reports as divergence."""
        if self._is_massless:
            position = self._solve(lambda _t, q, _: system.relaxed_velocity(q, chosen), position, duration)
            return position, system.relaxed_velocity(position, chosen)

        def field(t: Array, state: tuple[Array, Array], _: Any) -> tuple[Array, Array]:
            q, p = state
            return p, -(system.target.gradient(q, chosen) + system.friction * p) / system.mass_at(time + t)

        return self._solve(field, (position, velocity), duration)

    def _solve(self, field: Any, start: Any, duration: Array) -> Any:
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            self.solver,
            t0=jnp.zeros_like(duration),
            t1=duration,
            dt0=None,
            y0=start,
            stepsize_controller=diffrax.PIDController(rtol=self.rtol, atol=self.atol),
            max_steps=self.max_steps,
            throw=False,
        )
        failed = solution.result != diffrax.RESULTS.successful
        return jax.tree.map(lambda leaf: jnp.where(failed, jnp.nan, leaf[0]), solution.ys)
