"""Motion between switches in closed form: each eigenvector of a quadratic component is a damped oscillator."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process.flows import Flow, System
from underdamped.process.targets import Quadratic
from underdamped.process.trigonometry import sine_cosine

_REGISTER = 8
"""Numbers that XLA's code for a CPU computes at once."""


class Exact(Flow):
    r"""The flow of ``Quadratic`` components with constant mass, without any error but rounding.

    Along an eigenvector, $m \ddot q + \alpha \dot q + a q = b$: over-, critically and under-damped, flat ($a = 0$),
    unstable ($a < 0$) and massless motion all come from one formula, without cancellation between them. Each matrix is
    diagonalised once; matrices that are not diagonal need ``batch_size`` 1 or N, since each batch has its own mean.

    Raises:
        TypeError: When used with another target or a mass that changes with time.

    Example:
        >>> Exact().max_step
        inf

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Figure 2 for the underdamped case.
    """

    def prepare(self, system: System, until: float = 0.0) -> "Flow":
        """Eigenvalues and eigenvectors of all components."""
        target = system.target
        if not isinstance(target, Quadratic):
            way_out = "its flow is known in closed form; use ExponentialHeun(step) for any other target"
            raise _checks.fail(
                "target", "a Quadratic when the flow is Exact", type(target).__name__, way_out, TypeError
            )
        if callable(system.mass):
            way_out = "a constant mass makes it a damped oscillator; use ExponentialHeun(step) for a mass that changes"
            raise _checks.fail("mass", "a number or Constant when the flow is Exact", system.mass, way_out, TypeError)
        if target.is_diagonal:
            return _Modes(target.A, target.b, None)
        values, vectors = np.linalg.eigh(np.asarray(target.A, dtype=np.float64))
        rotated = np.einsum("njk,nj->nk", vectors, np.asarray(target.b, dtype=np.float64))
        # Idle modes up to a whole number of registers: XLA computes what is left over one number at a time.
        K, dtype = target.b.shape[1], target.A.dtype
        idle = -K % _REGISTER if K > _REGISTER // 2 else 0
        values, rotated = (np.pad(table, ((0, 0), (0, idle))) for table in (values, rotated))
        vectors = np.pad(vectors, ((0, 0), (0, 0), (0, idle)))
        values = jnp.asarray(values, dtype)
        oscillators = oscillator(values, system.mass_at(jnp.zeros((), dtype)), system.friction)
        return _Modes(values, jnp.asarray(rotated, dtype), jnp.asarray(vectors, dtype), oscillators)

    @property
    def max_step(self) -> float:
        """No limit."""
        return math.inf

    def advance(
        self, system: System, chosen: Any, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """Position and velocity after ``duration``."""
        return self.prepare(system).advance(system, chosen, position, velocity, time, duration)


class _Modes(Flow):
    """``Exact``, prepared: curvatures and forces (N, modes) along the eigenvectors, the columns of (N, K, modes).

    Full matrices come with their oscillators; diagonal ones may be averaged over a batch first.
    """

    curvature: Array
    force: Array
    vectors: Array | None
    oscillators: "Oscillator | None" = None

    @property
    def max_step(self) -> float:
        """No limit."""
        return math.inf

    def advance(
        self, system: System, chosen: Array, position: Array, velocity: Array, time: Array, duration: Array
    ) -> tuple[Array, Array]:
        """Into the modes, the oscillators' responses, and back."""
        mass = system.mass_at(time)
        if self.curvature.shape[0] == 1:  # of one component, or of the mean of all, every batch is that one
            chosen = jnp.zeros_like(chosen[:1])
        if self.vectors is None:
            several = chosen.shape != (1,)
            curvature = self.curvature[chosen].mean(0) if several else self.curvature[chosen[0]]
            force = self.force[chosen].mean(0) if several else self.force[chosen[0]]
            mode = oscillator(curvature, mass, system.friction)
            return _oscillate(mode, force, position, velocity, duration, mass, system.friction)
        if chosen.shape != (1,):
            way_out = "every batch would need its own eigenvectors; use ExponentialHeun(step), or diagonal matrices"
            raise _checks.fail(
                "batch_size", "1 or N when the flow is Exact and matrices are full", len(chosen), way_out
            )
        vectors = self.vectors[chosen[0]]
        state = _oscillate(
            jax.tree.map(lambda table: table[chosen[0]], self.oscillators),
            self.force[chosen[0]],
            position @ vectors,
            velocity @ vectors,
            duration,
            mass,
            system.friction,
        )
        return vectors @ state[0], vectors @ state[1]


class Response(NamedTuple):
    r"""How an oscillator at rest answers: to a kick, $S$, $S'$, and to a steady unit force, $R$, $R'$.

    $m \ddot x + \alpha \dot x + a x = 0$ with $S(0) = 0, S'(0) = 1$; $= 1$ with $R(0) = R'(0) = 0$; $S = m R'$.
    """

    kick_position: Array
    kick_velocity: Array
    force_position: Array
    force_velocity: Array


class Oscillator(NamedTuple):
    r"""What a mode's responses need and time does not change, so that an event costs no root and no division.

    With $D = \sqrt{|\alpha^2 - 4am|}$: the decay rate $r$ (the slow root $2a/(\alpha + D)$ if overdamped and
    $\alpha/2m$ if not), $D/m$, $1/D$, the part of $R'$ in $S'$ ($rm$ or $\alpha/2$), $1/a$, $1/r$ of the slow root,
    and $2m/(\alpha + D)$.
    """

    curvature: Array
    rate: Array
    phase_rate: Array
    per_root: Array
    share: Array
    per_curvature: Array
    per_rate: Array
    fast: Array
    is_overdamped: Array
    is_flat: Array


def oscillator(curvature: Array, mass: Array | float, friction: Array | float) -> Oscillator:
    r"""The constants of modes with these curvatures, of any sign, and mass $m \ge 0$."""
    mass = jnp.asarray(mass, curvature.dtype)
    square = friction * friction - 4 * curvature * mass
    is_overdamped = square >= 0
    root = jnp.maximum(jnp.sqrt(jnp.abs(square)), jnp.finfo(square.dtype).tiny ** 0.5)  # the floor stands for the limit
    per_sum, per_mass = 1 / (friction + root), 1 / jnp.where(mass > 0, mass, 1)
    rate = jnp.where(is_overdamped, 2 * curvature * per_sum, 0.5 * friction * per_mass)
    per_curvature = 1 / jnp.where(curvature == 0, 1, curvature)
    return Oscillator(
        curvature=curvature,
        rate=rate,
        phase_rate=root * per_mass,
        per_root=1 / root,
        share=jnp.where(is_overdamped, rate * mass, friction / 2),
        per_curvature=per_curvature,
        per_rate=(friction + root) * 0.5 * per_curvature,
        fast=2 * mass * per_sum,
        is_overdamped=is_overdamped,
        is_flat=2 * square > friction * friction,
    )


def response(mode: Oscillator, duration: Array, mass: Array, friction: Array | float) -> Response:
    r"""Responses after ``duration`` $\tau$.

    The velocity answering a force is $R' = e^{-r\tau}(1-e^{-D\tau/m})/D$ if overdamped, or
    $e^{-r\tau}\,2\sin(D\tau/2m)/D$. Both are $\tau/m$ times a function that is 1 at $D = 0$; the first tends to the
    massless $e^{-a\tau/\alpha}/\alpha$. The rest follows: $S' = e^{-r\tau}e^{-D\tau/m} - r m R'$ or
    $e^{-r\tau}\cos(D\tau/2m) - \frac\alpha2 R'$, and $R = (1 - S' - \alpha R')/a$, or, where $a$ may vanish, the
    difference of the integrals of the two exponentials.
    """
    phase = mode.phase_rate * duration
    lost = jnp.expm1(-mode.rate * duration)
    lost_fast = jnp.where(mass > 0, jnp.expm1(-phase), -1)
    sine, cosine = sine_cosine(phase / 2)
    slow = 1 + lost
    force_velocity = slow * jnp.where(mode.is_overdamped, -lost_fast, 2 * sine) * mode.per_root
    kick_velocity = slow * jnp.where(mode.is_overdamped, 1 + lost_fast, cosine) - mode.share * force_velocity
    mean_slow = jnp.where(lost == 0, duration, -lost * mode.per_rate)
    integral = (mean_slow + (lost + lost_fast + lost * lost_fast) * mode.fast) * mode.per_root
    balance = (1 - kick_velocity - friction * force_velocity) * mode.per_curvature
    return Response(mass * force_velocity, kick_velocity, jnp.where(mode.is_flat, integral, balance), force_velocity)


def _oscillate(
    mode: Oscillator,
    force: Array,
    position: Array,
    velocity: Array,
    duration: Array,
    mass: Array,
    friction: Array | float,
) -> tuple[Array, Array]:
    """Superposition: the start's own kick and the force that is not balanced there."""
    answer = response(mode, duration, mass, friction)
    pull = mode.curvature * position - force
    return (
        position + velocity * answer.kick_position - pull * answer.force_position,
        velocity * answer.kick_velocity - pull * answer.force_velocity,
    )
