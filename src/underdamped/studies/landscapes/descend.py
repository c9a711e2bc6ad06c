"""Many runs of one method at once, each with settings, start and batches of its own, in one compiled loop."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped.process.landscapes import Landscape
from underdamped.studies.landscapes.methods import Method, Settings
from underdamped.studies.landscapes.problems import Problem


def descend(
    problem: Problem, method: Method, settings: Settings, starts: Array, key: Array, steps: int, batch_size: int = 1
) -> Array:
    """End points of independent runs.

    Args:
        problem: what is minimised.
        method: how.
        settings: of each run, arrays (M,).
        starts: (M, K).
        key: for the batches, and the noise of a method that adds some.
        steps: of each run.
        batch_size: components in a batch, drawn without replacement; the number of components is the full gradient.

    Returns:
        Positions (M, K); a run that diverged is not finite.

    Example:
        >>> from underdamped.studies.landscapes.methods import METHODS
        >>> from underdamped.studies.landscapes.problems import styblinski
        >>> ends = descend(styblinski(2), METHODS["SGD"], {"lr": jnp.full(3, 0.5)}, jnp.full((3, 2), -2.0),
        ...                jax.random.key(0), steps=100, batch_size=20)
        >>> bool(abs(ends + 2.9035).max() < 1e-3)
        True
    """
    curvature = jnp.asarray(problem.curvature)
    return _loop(problem.target, curvature, method, steps, batch_size, dict(settings), starts, key)


def draw_batch(key: Array, runs: int, num_components: int, batch_size: int) -> Array | None:
    """A batch for each run, uniform without replacement, (runs, batch_size); None for the full gradient."""
    if batch_size == num_components:
        return None
    if batch_size == 1:
        return jax.random.randint(key, (runs, 1), 0, num_components)
    return jax.lax.top_k(jax.random.uniform(key, (runs, num_components)), batch_size)[1]


@eqx.filter_jit
def _loop(
    target: Landscape, curvature: Array, method: Method, steps: int, batch_size: int,
    settings: Any, starts: Array, key: Array,
) -> Array:  # fmt: skip
    runs = len(starts)

    def update(own: Any, state: Any, gradient: Array, position: Array) -> tuple[Array, Any]:
        change: Any
        change, state = method.transform(own, curvature, steps).update(gradient, state, position)
        return position + change, state

    def step(carry: tuple[Array, Any], k: Array) -> tuple[tuple[Array, Any], None]:
        position, state = carry
        of_batch, of_noise = jax.random.split(jax.random.fold_in(key, k))
        batch = draw_batch(of_batch, runs, target.num_components, batch_size)
        gradient = jax.vmap(target.gradient, in_axes=(0, None if batch is None else 0))(position, batch)
        if method.temperature is not None:
            warmth = curvature * method.temperature(settings, k / steps)
            h = settings["step"] / curvature
            gradient += jnp.sqrt(2 * warmth / h)[:, None] * jax.random.normal(of_noise, position.shape)
        return jax.vmap(update)(settings, state, gradient, position), None

    state = jax.vmap(lambda own, start: method.transform(own, curvature, steps).init(start))(settings, starts)
    return jax.lax.scan(step, (starts, state), jnp.arange(steps))[0][0]
