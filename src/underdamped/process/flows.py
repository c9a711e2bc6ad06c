"""Motion between switches, step by step: the paper's scheme, two exponential integrators, and diffrax for reference."""

import math
from abc import abstractmethod
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped import _checks
from underdamped.coefficients import semi_implicit_euler
from underdamped.process.phi import phi
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


class _Stepping(Flow):
    """A flow with a step chosen by the user."""

    step: float

    def __init__(self, step: float) -> None:
        self.step = _checks.positive(step, "step", "it is a length of time")

    @property
    def max_step(self) -> float:
        """The step chosen."""
        return self.step


class SemiImplicitEuler(_Stepping):
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


class ExponentialEuler(_Stepping):
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


class ExponentialHeun(_Stepping):
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


class RungeKutta4(_Stepping):
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
        if _is_massless(system, until):
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
        return eqx.tree_at(lambda flow: flow._is_massless, self, _is_massless(system, until))

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


def _is_massless(system: System, until: float) -> bool:
    """Whether the mass is 0 throughout. These flows divide by it, so no schedule may arrive there."""
    if callable(system.mass) and system.least_mass(until) <= 0:
        way_out = "this flow divides by it; use ExponentialHeun(step), which follows the mass down to 0"
        raise _checks.fail("mass", "positive up to the last saved time", "a schedule that reaches 0", way_out)
    return not callable(system.mass) and float(system.mass) == 0
