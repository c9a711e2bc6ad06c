"""Figure 4: where the scheme (36) comes to rest, for many frictions and masses, without asking the theory."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.process import SemiImplicitEuler, System
from underdamped.process.landscapes import relu_well

STOPS, REACHES, DIVERGES, MOVES = 0, 1, 2, 3
"""Where it ends: at the false minimiser 0, at the minimiser 1/2, nowhere; or it keeps moving."""

NEAR = 1e-300
"""At rest at 0: position and velocity are below it. Smaller ones cross, if at all, where floats end."""

FAR = 1e6
"""Diverged: further from 0 than that."""

WELL = relu_well()


class _Point(NamedTuple):
    position: Array
    velocity: Array
    num_steps: Array
    outcome: Array


def outcomes(steps: np.ndarray, masses: np.ndarray, frictions: np.ndarray, start: float) -> np.ndarray:
    r"""Where the scheme comes to rest from $q_0$ = ``start``, $p_0 = 0$.

    With $h \le \alpha/2$ the energy $E = m p^2/2 + \Phi(q)$ never grows from step to step, because $\Phi - 2q^2$ is
    concave and so $\Phi(q') \le \Phi(q) + \Phi'(q)(q'-q) + 2(q'-q)^2$. It is at least 1 left of 0. So once $q > 0$ and
    $E < 1$ it stays right of 0, where it is linear and, with some mass, stable, and reaches 1/2: no need to wait. With
    larger steps it is followed until it is within 1e-3 of 1/2, at rest. Points that neither happens to within several
    times what the slowest mode takes are still moving: they circle.

    Args:
        steps: $h$, shape (H, W).
        masses: $m$, shape (H, W).
        frictions: $\alpha$, shape (H, W).
        start: $q_0 < 0$.

    Returns:
        The outcome of each, shape (H, W): ``STOPS``, ``REACHES``, ``DIVERGES`` or ``MOVES``.

    Example:
        >>> one = np.ones((1, 1))
        >>> int(outcomes(0.1 * one, 1.0 * one, 1.0 * one, -1.0)[0, 0]) == REACHES
        True
        >>> int(outcomes(0.1 * one, 0.0 * one, 1.0 * one, -1.0)[0, 0]) == STOPS
        True

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equation (36) and Figure 4; the bound on the energy is derived here.
    """
    with jax.enable_x64(True):
        # Column by column: one column has one friction, and so points that take about as many steps.
        columns = [jnp.asarray(table.T, float) for table in (steps, masses, frictions)]
        # 690 units of log lead from 1 to NEAR, at the rate 2/alpha at least; 7 to 1e-3, at alpha/2m if it oscillates.
        enough = (700 * frictions / steps + 40 * masses / (frictions * steps)).max(axis=0)
        return np.asarray(_columns((*columns, jnp.asarray(enough)), jnp.asarray(start, float))).T


@eqx.filter_jit
def _columns(columns: tuple[Array, ...], start: Array) -> Array:
    return jax.lax.map(lambda column: _settle(*column, start=start), columns)


def _settle(step: Array, mass: Array, friction: Array, most_steps: Array, start: Array) -> Array:
    advance = jax.vmap(_advance)

    def unfinished(points: _Point) -> Array:
        return jnp.any(points.outcome == MOVES) & (points.num_steps < most_steps)

    def iterate(points: _Point) -> _Point:
        q, p = advance(step, mass, friction, points.position, points.velocity)
        outcome = jnp.where(points.outcome == MOVES, _outcome(q, p, step, mass, friction), points.outcome)
        return _Point(q, p, points.num_steps + 1, outcome)

    here = jnp.full_like(step, start)
    begin = _Point(here, jnp.zeros_like(here), jnp.zeros_like(most_steps), jnp.full(step.shape, MOVES))
    return jax.lax.while_loop(unfinished, iterate, begin).outcome


def _advance(step: Array, mass: Array, friction: Array, position: Array, velocity: Array) -> tuple[Array, Array]:
    system, state = System(WELL, mass, friction), (position[None], velocity[None])
    moved = SemiImplicitEuler(1.0).advance(system, None, *state, jnp.zeros_like(step), step)
    return moved[0][0], moved[1][0]


def _outcome(q: Array, p: Array, step: Array, mass: Array, friction: Array) -> Array:
    energy = mass * p * p / 2 + jax.vmap(lambda x: WELL.potential(x[None]))(q)
    is_trapped = (q > 0) & (energy < 1)
    is_there = (jnp.abs(q - 0.5) < 1e-3) & (jnp.abs(p) < 1e-3)
    reaches = jnp.where(2 * step <= friction, is_trapped, is_there)
    stops = (jnp.abs(q) < NEAR) & (jnp.abs(p) < NEAR)
    diverges = ~(jnp.abs(q) < FAR)
    return jnp.select([reaches, stops, diverges], [REACHES, STOPS, DIVERGES], MOVES)


def centres(size: int, end: float) -> np.ndarray:
    """Middles of ``size`` equal cells of [0, end]: 0 itself is left out, where nothing moves.

    Example:
        >>> centres(2, 5.0).tolist()
        [1.25, 3.75]
    """
    return (np.arange(size) + 0.5) * (end / size)


def grid_of(size: int, end: float, rule: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, ...]:
    """Steps, masses and frictions of a map: columns are frictions, rows are masses; ``rule`` gives the steps."""
    frictions, masses = np.meshgrid(centres(size, end), centres(size, end))
    return rule(frictions), masses, frictions
