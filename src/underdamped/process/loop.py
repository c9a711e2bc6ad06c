"""The event loop: many paths side by side, each at its own time, from event to event. Nothing else."""

import functools
import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from underdamped.process import streams
from underdamped.process.flows import Flow, System
from underdamped.process.streams import Stream
from underdamped.process.switching import IndexProcess

REGISTER = 16
"""Run a multiple of this many paths, the float32 numbers of the widest vector register: then every path is computed by
the same instructions, to the last bit, whoever is beside it."""

COMPILER_OPTIONS = {"xla_cpu_prefer_vector_width": 512}
"""For whoever compiles the loop: by default LLVM uses half of a 512-bit register, which costs a tenth of the speed."""

BREACH = -(2**30)
"""What the count of ticks becomes when a ``Bounded`` rate was found outside of its bounds."""


class Motion(eqx.Module):
    """One dynamics driven by the index: the system, its prepared flow, and its start, (K,) or (paths, K)."""

    system: System
    flow: Flow
    position: Array
    velocity: Array


class Grid(NamedTuple):
    """Saved times (T,) and the gaps before each, with an infinite one after the last: differences taken in float64."""

    times: Array
    gaps: Array


class Saved(NamedTuple):
    """What is kept, with leading axes (T, paths). Index and count are ``None`` where nobody asked for them.

    ``states`` has one array (T, paths, 2K) a dynamics: position, then velocity.
    """

    states: tuple[Array, ...]
    index: Any
    num_ticks: Any


class _Path(NamedTuple):
    """One path on its way. Time is kept as distance to the next events, so that long runs lose no digits."""

    states: tuple[tuple[Array, Array], ...]
    index: Any
    stream: Stream
    until_tick: Array
    until_save: Array
    num_saved: Array
    num_ticks: Array


def run_paths(
    motions: tuple[Motion, ...], index: IndexProcess, grid: Grid, key: Array, numbers: Array, *, keep_index: bool
) -> tuple[Saved, Array]:
    """The paths of these ``numbers``, all ``motions`` driven by the same index path; and their final counts of ticks.

    One iteration takes every path to its own next event: a tick of the index, a saved time, or the end of a flow's
    longest step. Paths wait for one another only at the very end.
    """
    num_paths, num_times = len(numbers), len(grid.times)
    lanes = jnp.arange(num_paths)
    paths = jax.vmap(lambda number, starts: _begin(motions, index, grid, key, number, starts))(
        numbers, tuple(_starts(motion, num_paths) for motion in motions)
    )
    kept = _kept(paths, keep_index=keep_index)
    saved = jax.tree.map(lambda leaf: jnp.zeros((num_times, *leaf.shape), leaf.dtype), kept)

    def unfinished(carry: tuple[_Path, Saved]) -> Array:
        return jnp.min(carry[0].num_saved) < num_times  # several times faster than jnp.any on a CPU

    def iterate(carry: tuple[_Path, Saved]) -> tuple[_Path, Saved]:
        before, saved = carry
        arrived, saves, ticks = jax.vmap(lambda path: _advance(motions, grid, index, path))(before)
        slot = jnp.where(saves, before.num_saved, num_times)  # one past the end is dropped
        saved = jax.tree.map(
            lambda store, leaf: store.at[slot, lanes].set(leaf, mode="drop", unique_indices=True),
            saved,
            _kept(arrived, keep_index=keep_index),
        )
        return jax.vmap(lambda *event: _renew(index, grid, *event))(arrived, saves, ticks), saved

    paths, saved = jax.lax.while_loop(unfinished, iterate, (paths, saved))
    return saved, paths.num_ticks


def _starts(motion: Motion, num_paths: int) -> tuple[Array, Array]:
    shape = (num_paths, motion.position.shape[-1])
    return jnp.broadcast_to(motion.position, shape), jnp.broadcast_to(motion.velocity, shape)


def _kept(paths: _Path, *, keep_index: bool) -> Saved:
    states = tuple(jnp.concatenate(state, axis=-1) for state in paths.states)
    return Saved(states, paths.index if keep_index else None, paths.num_ticks if keep_index else None)


def _begin(motions: tuple, index: IndexProcess, grid: Grid, key: Array, number: Array, starts: tuple) -> _Path:
    stream = streams.stream(key, number)
    state, stream = index.start(stream)
    zero = jnp.zeros((), grid.times.dtype)
    wait, stream = index.wait(state, zero, grid.times[-1], stream)
    moving = tuple(
        (q, jnp.where(motion.system.mass_at(zero) > 0, p, motion.system.relaxed_velocity(q, index.shown(state))))
        for motion, (q, p) in zip(motions, starts, strict=True)
    )
    count = jnp.zeros((), jnp.int32)
    until_tick = jnp.where(jnp.isnan(wait), jnp.inf, wait)
    return _Path(moving, state, stream, until_tick, grid.gaps[0], count, jnp.where(jnp.isnan(wait), BREACH, count))


def _now(grid: Grid, path: _Path) -> Array:
    """Present time, for what depends on it smoothly: never used to find an event."""
    following = grid.times[jnp.minimum(path.num_saved, len(grid.times) - 1)]
    return following - jnp.where(path.until_save < jnp.inf, path.until_save, 0)


def _advance(motions: tuple, grid: Grid, index: IndexProcess, path: _Path) -> tuple[_Path, Array, Array]:
    """To the next event; whether it is a saved time, and whether a tick. A tie saves the state before the tick."""
    is_running = path.until_save < jnp.inf
    duration, arrives = _duration(motions, jnp.minimum(path.until_tick, path.until_save))
    duration, arrives = jnp.where(is_running, duration, 0), arrives & is_running
    duration = jax.lax.optimization_barrier(duration)  # else XLA works it out again for every coordinate
    time, chosen = _now(grid, path), index.shown(path.index)
    states = []
    for motion, (q, p) in zip(motions, path.states, strict=True):
        moved = motion.flow.advance(motion.system, chosen, q, p, time, duration)
        states.append(tuple(jnp.where(duration > 0, new, old) for new, old in zip(moved, (q, p), strict=True)))
    saves = arrives & (path.until_save <= path.until_tick)
    ticks = arrives & (path.until_tick <= path.until_save)
    until_tick, until_save = path.until_tick - duration, path.until_save - duration
    return path._replace(states=tuple(states), until_tick=until_tick, until_save=until_save), saves, ticks


def _duration(motions: tuple, span: Array) -> tuple[Array, Array]:
    """The first of the equal pieces into which the shortest ``max_step`` cuts ``span``, and whether it is the last."""
    steps = [motion.flow.max_step for motion in motions if motion.flow.max_step is not math.inf]
    if not steps:
        return span, jnp.ones_like(span, dtype=bool)
    pieces = jnp.ceil(span / functools.reduce(jnp.minimum, steps) - 1e-4)  # rounding must not cost a step of its own
    return jnp.where(pieces <= 1, span, span / pieces), pieces <= 1


def _renew(index: IndexProcess, grid: Grid, path: _Path, saves: Array, ticks: Array) -> _Path:
    """After the event: the next saved time, or the next index and how long it stays."""
    num_saved = path.num_saved + saves
    until_save = jnp.where(saves, grid.gaps[num_saved], path.until_save)
    state, stream = index.tick(path.index, path.stream)
    wait, stream = index.wait(state, _now(grid, path), grid.times[-1], stream)
    num_ticks = jnp.where(jnp.isnan(wait), BREACH, path.num_ticks + 1)
    after = (state, stream, jnp.where(jnp.isnan(wait), jnp.inf, wait), num_ticks)
    before = (path.index, path.stream, path.until_tick, path.num_ticks)
    kept = jax.tree.map(lambda new, old: jnp.where(ticks, new, old), after, before)
    return _Path(path.states, kept[0], kept[1], kept[2], until_save, num_saved, kept[3])
