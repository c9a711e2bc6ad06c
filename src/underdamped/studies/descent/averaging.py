"""Polyak-Ruppert averaging around any optax transformation: the iterates go on as before, their mean is the answer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class AveragedState(NamedTuple):
    """State of `polyak_average`.

    Attributes:
        inner: state of the transformation inside.
        average: mean of the iterates since ``start``, the last iterate before; the point to evaluate.
        steps: updates so far, a scalar int32.
    """

    inner: Any
    average: Any
    steps: jax.Array


def polyak_average(inner: optax.GradientTransformation, start: Any = 0) -> optax.GradientTransformation:
    r"""Average the iterates after step ``start``.

    $\bar q_n = \frac{1}{n - s}\sum_{k=s+1}^{n} q_k$ for $n > s$, and $q_n$ before. (optax's own ``optax.ema`` is an
    exponential average, which never forgets its noise; ``polyak_sgd`` is another idea of Polyak's.)

    Args:
        inner: makes the updates.
        start: $s \ge 0$; may be traced.

    Returns:
        The transformation. Its updates are those of ``inner``; read ``average`` from the state. ``update`` needs
        ``params``.

    Example:
        >>> solver = polyak_average(optax.sgd(1.0))
        >>> q, state = jnp.array(3.0), solver.init(jnp.array(3.0))
        >>> for gradient in (1.0, 1.0):  # iterates 2 and 1
        ...     updates, state = solver.update(jnp.array(gradient), state, q)
        ...     q = optax.apply_updates(q, updates)
        >>> float(q), float(state.average)
        (1.0, 1.5)

    References:
        Polyak and Juditsky, *Acceleration of stochastic approximation by averaging* (SIAM J. Control Optim. 1992).
    """

    def init(params: Any) -> AveragedState:
        return AveragedState(inner.init(params), params, jnp.zeros([], jnp.int32))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, AveragedState]:
        updates, inner_state = inner.update(updates, state.inner, params)
        steps = state.steps + 1
        share = 1 / jnp.maximum(steps - start, 1)
        newest = optax.apply_updates(params, updates)
        average = jax.tree.map(lambda mean, q: mean + share * (q - mean), state.average, newest)
        return updates, AveragedState(inner_state, average, steps)

    return optax.GradientTransformation(init, update)
