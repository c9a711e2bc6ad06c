r"""Coupled dynamics seen at the jump times $\tau_n$ of their index alone, which differ from path to path."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.process import Flow, System, Target
from underdamped.schedules import Schedule

SUBSTEPS = 32
"""Steps of the flow between two jumps."""


def distances_at_jumps(
    target: Target,
    num_components: int,
    masses: Sequence[Schedule],
    *,
    start: Array,
    flow: Flow,
    rate: float,
    num_jumps: int,
    num_paths: int,
    key: Array,
) -> tuple[np.ndarray, np.ndarray]:
    r"""$|q_{\tau_n} - \theta_{\tau_n}|$ for each mass, $\theta$ the process without mass on the same index path.

    ``simulate_ensemble`` saves all paths at the same times, and the jumps of each are its own. Between jumps the index
    stands still, so waiting times $\mathrm{Exp}(\kappa)$ and uniform draws are the whole index process, exactly; the
    motion is the library's own flow, at friction 1 and from rest, in ``SUBSTEPS`` steps a waiting time.

    Args:
        target: what is minimised.
        num_components: N.
        masses: schedules of time.
        start: $q_0 = \theta_0$, (K,).
        flow: the motion between jumps; its own step is not used.
        rate: $\kappa > 0$ of redraws from all components.
        num_jumps: n.
        num_paths: M.
        key: JAX key.

    Returns:
        Jump times, (M, n), and distances, (M, n, masses).
    """
    systems = [System(target, mass, 1.0) for mass in (0.0, *masses)]

    def path(key: Array) -> tuple[Array, Array]:
        waiting_key, index_key = jax.random.split(key)
        waits = jax.random.exponential(waiting_key, (num_jumps,)) / rate
        chosen = jax.random.randint(index_key, (num_jumps, 1), 0, num_components)

        def jump(carry: tuple[Array, Array, Array], event: tuple[Array, Array]) -> tuple[tuple, tuple]:
            time, positions, velocities = carry
            wait, shown = event
            step = wait / SUBSTEPS

            def advance(k: Array, states: tuple[Array, Array]) -> tuple[Array, Array]:
                q, p = states
                moved = [
                    flow.advance(system, shown, q[n], p[n], time + k * step, step) for n, system in enumerate(systems)
                ]
                return jnp.stack([one[0] for one in moved]), jnp.stack([one[1] for one in moved])

            positions, velocities = jax.lax.fori_loop(0, SUBSTEPS, advance, (positions, velocities))
            time = time + wait
            return (time, positions, velocities), (time, jnp.linalg.norm(positions[1:] - positions[0], axis=-1))

        rest = jnp.tile(start, (len(systems), 1))
        return jax.lax.scan(jump, (jnp.zeros(()), rest, jnp.zeros_like(rest)), (waits, chosen))[1]

    times, gaps = jax.jit(jax.vmap(path))(jax.random.split(key, num_paths))
    return np.asarray(times), np.asarray(gaps)
