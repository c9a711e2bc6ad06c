"""In which basin a run has ended: where noiseless gradient descent leads from there."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.studies.landscapes.problems import Problem

TOLERANCE = 0.05  # a distance; minima lie about 1 apart or more
_MOST_STEPS = 3000
_FAR = 20.0  # boxes


def polish(problem: Problem, positions: Array | np.ndarray) -> Array:
    r"""Gradient descent on the mean, with step $1/L$ and no step longer than a twentieth of the box.

    Args:
        problem: the landscape.
        positions: (M, K).

    Returns:
        Where it leads, (M, K).
    """
    return _polish(problem.mean, problem.curvature, problem.box, jnp.asarray(positions))


def in_global_basin(problem: Problem, positions: Array | np.ndarray) -> np.ndarray:
    """Whether each run has ended in the basin of a global minimiser. Runs that diverged have not.

    Args:
        problem: the landscape.
        positions: (M, K).

    Returns:
        Booleans, (M,).

    Example:
        >>> from underdamped.studies.landscapes.problems import styblinski
        >>> in_global_basin(styblinski(2), jnp.array([[-1.0, -4.0], [1.0, -4.0], [jnp.nan, 0.0]])).tolist()
        [True, False, False]
    """
    positions = jnp.asarray(positions)
    # Gradients of quartics overflow far out, and a run that is there has diverged as well.
    stayed = (jnp.abs(positions) < _FAR * problem.box).all(-1)
    bottom = polish(problem, jnp.where(stayed[:, None], positions, 0.0))
    distance = jnp.linalg.norm(bottom[:, None] - problem.minimizers, axis=-1).min(-1)
    return np.asarray(stayed & (distance < TOLERANCE))


@eqx.filter_jit
def _polish(mean, curvature: float, box: float, positions: Array) -> Array:
    def moves(carry: tuple[Array, Array, Array]) -> Array:
        _, size, count = carry
        return (size > 1e-3 * TOLERANCE * box) & (count < _MOST_STEPS)

    def move(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        q, _, count = carry
        step = jax.vmap(jax.grad(mean))(q) / curvature
        length = jnp.linalg.norm(step, axis=-1, keepdims=True)
        return q - step * jnp.minimum(1.0, 0.05 * box / jnp.maximum(length, 1e-30)), length.max(), count + 1

    return jax.lax.while_loop(moves, move, (positions, jnp.asarray(jnp.inf), jnp.asarray(0)))[0]
