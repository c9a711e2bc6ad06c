"""The scheme: all index processes, runs and masses side by side, the index sampled at the steps."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.coefficients import semi_implicit_euler
from underdamped.process import IndexProcess, streams
from underdamped.process.streams import Stream
from underdamped.schedules import Schedule
from underdamped.studies.continuous_data.regression import DEGREE, Regression, features_at, observe_in


class Steps(NamedTuple):
    """Step size, and what it and the mass at each step give, all (steps, masses)."""

    size: Array
    decay: Array
    gain: Array


class Errors(NamedTuple):
    r"""What is kept at the saved steps.

    Attributes:
        relative: $|\theta_n - \theta^*| / |\theta^*|$, (saved, masses, indices, runs).
        apart: $|\theta_n - \theta_n'| / |\theta^*|$ where $\theta'$ has the first mass and the same index, likewise.
    """

    relative: np.ndarray
    apart: np.ndarray


class _Clocked(NamedTuple):
    """An index process on its way: its state, its random numbers, and the time until its next tick."""

    state: Any
    stream: Stream
    until_tick: Array


def plan_steps(sizes: np.ndarray, masses: Sequence[float | Schedule]) -> Steps:
    r"""Coefficients of the scheme at every step, friction 1; the clock of the schedules is time, $\sum h$.

    Args:
        sizes: $h_n$, (steps,).
        masses: $m \ge 0$, numbers or Schedules of time.
    """
    h = np.asarray(sizes, float)[:, None]
    times = np.concatenate([[0.0], np.cumsum(sizes)[:-1]])
    columns = [[mass(t) for t in times.tolist()] if callable(mass) else np.full(len(times), mass) for mass in masses]
    decay, gain = semi_implicit_euler(h, np.stack(columns, axis=1), 1.0)
    size, decay, gain = np.broadcast_arrays(h, decay, gain)
    return Steps(*(jnp.asarray(values, float) for values in (size, decay, gain)))


def descend(
    regression: Regression,
    indices: Sequence[IndexProcess],
    steps: Steps,
    *,
    index_step: float,
    saved: Sequence[int],
    runs: int,
    key: Array,
    implicit: bool = False,
) -> Errors:
    r"""Run the scheme for all index processes, masses and runs in one compiled call.

    From $\theta_0 = (\frac12, \dots, \frac12)$, $p_0 = 0$ and index 0,
    $p_{n+1} = \text{decay}\,p_n - \text{gain}\,\nabla f(\theta, y_n)$, $\theta_{n+1} = \theta_n + h p_{n+1}$ with the
    gradient at $\theta_n$, or at $\theta_{n+1}$ if ``implicit``. All masses see the same index path.

    Args:
        regression: what is minimised.
        indices: index processes; regular clocks must tick once each ``index_step``.
        steps: coefficients, see `plan_steps`.
        index_step: time that passes for the index between two steps.
        saved: numbers of steps after which errors are kept, increasing.
        runs: independent runs of each index.
        key: JAX key; run r of index i depends on it, r and i alone.
        implicit: whether the gradient is taken at the new position.
    """
    stops = np.asarray(saved, np.int32)
    segments = jnp.asarray(np.concatenate([[0], stops[:-1]]), jnp.int32), jnp.asarray(stops)
    minimizer = jnp.broadcast_to(jnp.asarray(regression.minimizer, float), (runs, DEGREE + 1))
    keys = [jax.random.fold_in(key, number) for number in range(len(indices))]
    errors = _descend(
        _alike(indices, keys), segments, steps, regression.table, minimizer.T,
        weights=jnp.asarray(regression.weights, float), regularization=regression.regularization,
        index_step=index_step, runs=runs, implicit=implicit,
    )  # fmt: skip
    shape = (len(stops), steps.size.shape[1], len(indices), runs)
    return Errors(*(np.asarray(values, np.float64).reshape(shape) for values in errors))


def _alike(indices: Sequence[IndexProcess], keys: Sequence[Array]) -> list[tuple[IndexProcess, Array]]:
    """Neighbours of one kind stacked into one with a leading axis, so that they advance together; and their keys."""
    kinds = groupby(zip(indices, keys, strict=True), key=lambda pair: type(pair[0]))
    groups = [zip(*members, strict=True) for _, members in kinds]
    return [(jax.tree.map(lambda *leaves: jnp.stack(list(map(jnp.asarray, leaves))), *processes), jnp.stack(them))
            for processes, them in groups]  # fmt: skip


@eqx.filter_jit
def _descend(
    groups: list[tuple[IndexProcess, Array]],
    segments: tuple[Array, Array],
    steps: Steps,
    table: Array,
    minimizer: Array,
    *,
    weights: Array,
    regularization: float,
    index_step: float,
    runs: int,
    implicit: bool,
) -> tuple[Array, Array]:
    """Errors at the ends of the segments, (segments, masses, lanes). A lane is one run of one index, the last axis."""
    masses, num_indices = steps.size.shape[1], sum(len(keys) for _, keys in groups)
    minimizer = jnp.tile(minimizer, (1, num_indices))
    over_runs = jax.vmap(_begin, in_axes=(None, None, 0))
    clocked = [jax.vmap(over_runs, in_axes=(0, 0, None))(index, keys, jnp.arange(runs)) for index, keys in groups]
    advance = jax.vmap(jax.vmap(_advance, in_axes=(None, 0, None)), in_axes=(0, 0, None))

    def move(position: Array, velocity: Array, y: Array, table: Array, n: Array) -> tuple[Array, Array]:
        coefficients = (steps.size[n], steps.decay[n], steps.gain[n])
        return step(position, velocity, features_at(y, weights), observe_in(table, y), *coefficients,
                    regularization=regularization, implicit=implicit)  # fmt: skip

    own_data = table.ndim == 2
    moves = jax.vmap(move, in_axes=(-1, -1, -1, -1 if own_data else None, None), out_axes=-1)
    tables = jnp.tile(table.T, (1, num_indices)) if own_data else table

    def one_step(n: Array, carry: tuple) -> tuple:
        position, velocity, clocked = carry
        y = jnp.concatenate([each.state.reshape(-1) for each in clocked])  # of these processes the state is the point
        position, velocity = moves(position, velocity, y, tables, n)
        clocked = [advance(index, each, index_step) for (index, _), each in zip(groups, clocked, strict=True)]
        return position, velocity, clocked

    def one_segment(carry: tuple, segment: tuple[Array, Array]) -> tuple[tuple, tuple[Array, Array]]:
        carry = jax.lax.fori_loop(*segment, one_step, carry)
        position, size = carry[0], _norm(minimizer)
        relative = _norm(position - minimizer[:, None]) / size
        return carry, (relative, _norm(position - position[:, :1]) / size)

    position = jnp.full((DEGREE + 1, masses, num_indices * runs), 0.5)
    _, errors = jax.lax.scan(one_segment, (position, jnp.zeros_like(position), clocked), segments)
    return errors


def step(
    position: Array,
    velocity: Array,
    features: Array,
    observed: Array,
    size: Array,
    decay: Array,
    gain: Array,
    *,
    regularization: float,
    implicit: bool,
) -> tuple[Array, Array]:
    r"""One step of several masses at one data point; positions and velocities (9, masses), features (9,)."""
    ell = features[:, None]
    if not implicit:
        residual = observed - (ell * position).sum(0)
        velocity = decay * velocity - gain * (regularization * position - residual * ell)
        return position + size * velocity, velocity
    # The proximal step of c f from where the velocity alone leads: a rank-one system, solved by Sherman and Morrison.
    c = size * gain
    shrink = 1 + c * regularization
    free = (position + size * decay * velocity + c * observed * ell) / shrink
    new = free - ell * (c * (ell * free).sum(0) / (shrink + c * (ell * ell).sum(0)))
    return new, (new - position) / size


def _norm(vectors: Array) -> Array:
    return jnp.sqrt((vectors**2).sum(0))


def _begin(index: IndexProcess, key: Array, run: Array) -> _Clocked:
    """At the data point 0, as the paper starts."""
    state, stream = index.start(streams.stream(key, run))
    state = jnp.zeros_like(state)
    wait, stream = index.wait(state, jnp.zeros(()), jnp.asarray(jnp.inf), stream)
    return _Clocked(state, stream, wait)


def _advance(index: IndexProcess, clocked: _Clocked, duration: float) -> _Clocked:
    """The index a ``duration`` later, ticks at the very end included."""

    def tick(clocked: _Clocked) -> _Clocked:
        state, stream = index.tick(clocked.state, clocked.stream)
        wait, stream = index.wait(state, jnp.zeros(()), jnp.asarray(jnp.inf), stream)  # all clocks here are homogeneous
        return _Clocked(state, stream, clocked.until_tick + wait)

    clocked = clocked._replace(until_tick=clocked.until_tick - duration)
    return jax.lax.while_loop(lambda each: each.until_tick <= 0, tick, clocked)
