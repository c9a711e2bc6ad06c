"""Several methods, settings and seeds on one problem, in one compiled call and on the same batches."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from underdamped.process import Target
from underdamped.studies.descent.contenders import Contender, Context, Setting


class Progress(NamedTuple):
    r"""Where the answers were at the checkpoints; arrays (methods, checkpoints, seeds, settings).

    Attributes:
        distance: $|q - \theta^*|$.
        gap: $\Phi(q) - \Phi(\theta^*)$, without rounding below 0.
    """

    distance: np.ndarray
    gap: np.ndarray


def race(
    target: Target,
    minimizer: Any,
    contenders: Sequence[Contender],
    settings: Sequence[Setting],
    context: Context,
    batches: Any,
    checkpoints: Sequence[int],
    start: Any,
) -> Progress:
    r"""Run every method with every one of its settings on every seed's batches.

    What diverges goes on, as infinities or NaN, and does not touch the others.

    Args:
        target: the problem.
        minimizer: $\theta^*$, (K,).
        contenders: the methods.
        settings: one stacked ``Setting`` a method, all of the same length G.
        context: what methods are built with.
        batches: component numbers (T, S, batch size) for S seeds.
        checkpoints: steps at which to look, increasing, from 0 to T.
        start: first position, (K,).

    Returns:
        Distances and gaps.
    """
    numbers = jnp.asarray(checkpoints, jnp.int32)
    distance, gap = _race(
        target, jnp.asarray(minimizer), tuple(contenders), tuple(settings), context.num_steps, context.rule,
        jnp.asarray(batches, jnp.int32), numbers, jnp.asarray(start, float),
    )  # fmt: skip
    return Progress(np.asarray(distance), np.asarray(gap))


@partial(jax.jit, static_argnames=("contenders", "num_steps"))
def _race(
    target: Target,
    minimizer: Array,
    contenders: tuple[Contender, ...],
    settings: tuple[Setting, ...],
    num_steps: int,
    rule: Any,
    batches: Array,
    checkpoints: Array,
    start: Array,
) -> tuple[Array, Array]:
    context = Context(rule, num_steps)
    shape = (batches.shape[1], settings[0].step.shape[0])

    def over_runs(function: Any, setting: Setting, *arguments: Any) -> Any:
        """``function`` of one run, over seeds (outer) and settings (inner)."""
        inner = jax.vmap(function, in_axes=(0, *(0 for _ in arguments)))
        return jax.vmap(inner, in_axes=(None, *(0 for _ in arguments)))(setting, *arguments)

    def first(contender: Contender, setting: Setting) -> tuple[Array, Any]:
        position = jnp.broadcast_to(start, (*shape, *start.shape))
        return position, over_runs(lambda s, q: contender.build(s, context).init(q), setting, position)

    def advance(count: Any, runs: Any) -> Any:
        chosen = batches[count]
        # The batch is the same for all settings of a seed: it is gathered once for them. The gradient of the mean, and
        # not the mean of gradients: of many parameters no gradient of a single component is ever formed.
        slope = jax.vmap(jax.vmap(jax.grad(target.potential), in_axes=(0, None)))
        moved = []
        for contender, setting, (position, state) in zip(contenders, settings, runs, strict=True):

            def move(s: Setting, g: Array, state: Any, q: Array, contender: Contender = contender) -> Any:
                updates, state = contender.build(s, context).update(g, state, q)
                return optax.apply_updates(q, updates), state

            moved.append(over_runs(move, setting, slope(position, chosen), state, position))
        return tuple(moved)

    least = target.potential(minimizer)

    def look(contender: Contender, setting: Setting, run: Any) -> tuple[Array, Array]:
        def judge(_: Setting, position: Array, state: Any) -> tuple[Array, Array]:
            q = contender.answer(state, position)
            return jnp.linalg.norm(q - minimizer), target.potential(q) - least

        return over_runs(judge, setting, *run)

    def stretch(runs: Any, ends: tuple[Array, Array]) -> tuple[Any, tuple[Array, Array]]:
        runs = jax.lax.fori_loop(ends[0], ends[1], advance, runs)
        seen = [look(c, s, r) for c, s, r in zip(contenders, settings, runs, strict=True)]
        return runs, (jnp.stack([d for d, _ in seen]), jnp.stack([jnp.maximum(g, 0.0) for _, g in seen]))

    runs = tuple(first(c, s) for c, s in zip(contenders, settings, strict=True))
    begins = jnp.concatenate([jnp.zeros(1, checkpoints.dtype), checkpoints[:-1]])
    _, (distance, gap) = jax.lax.scan(stretch, runs, (begins, checkpoints))
    return jnp.moveaxis(distance, 1, 0), jnp.moveaxis(gap, 1, 0)
