"""Paths cut into chunks, run side by side on all devices and cores."""

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process.loop import COMPILER_OPTIONS, REGISTER, run_paths
from underdamped.process.problem import Problem
from underdamped.process.progress import track
from underdamped.process.statistics import Statistic, chunk_parts

CACHED_NUMBERS = 2**14
"""Coordinates of the positions of one chunk on a CPU, and one clock a path: with the ten to thirty working arrays of
that size, a level-2 cache. Also, for more than 4096 numbers XLA vectorises sums, which it does not for fewer."""

SAVED_BYTES = 2**26
"""Most memory that the saved states of one chunk may take."""


def run_chunks(
    problem: Problem,
    key: Array,
    num_paths: int,
    statistics: tuple[Statistic, ...] | None,
    chunk_size: int | None,
    progress: bool | None,
) -> Iterator[tuple[int, tuple[Any, np.ndarray, np.ndarray]]]:
    """Yield, in order, the first path of each chunk with its parts, ticks, and slots of divergence.

    XLA runs the small arrays of one chunk on one core, so a single CPU device gets a thread a core, several devices one
    thread each. At most two chunks a thread are under way, so that memory stays flat.
    """
    devices = _devices()
    num_workers = _num_cores() if len(devices) == 1 and devices[0].platform == "cpu" else len(devices)
    lanes = _lanes(problem, num_paths, num_workers, devices[0].platform, chunk_size)
    as_here = _settings()
    placed = [_on_device((problem, key), device) for device in devices]

    def run(first: int) -> tuple[Any, np.ndarray, np.ndarray]:
        problem, key = placed[first // lanes % len(devices)]
        count = min(lanes, num_paths - first)
        numbers = np.minimum(padded(first, lanes), num_paths - 1).astype(np.uint32)
        with as_here():
            parts, ticks, slot = _chunk(_with_starts(problem, numbers), key, numbers, np.int32(count), statistics)
            return jax.block_until_ready(parts), np.asarray(ticks)[:count], np.asarray(slot)[:count]

    firsts = range(0, num_paths, lanes)
    under_way: deque[tuple[int, Future]] = deque()
    remaining = iter(firsts)
    idle = _idle_threads(num_workers)
    threads = idle.pop() if idle else ThreadPoolExecutor(num_workers, thread_name_prefix="underdamped")
    try:
        for _ in track(firsts, progress):
            while len(under_way) < 2 * num_workers and (following := next(remaining, None)) is not None:
                under_way.append((following, threads.submit(run, following)))
            first, future = under_way[0]
            parts = future.result()
            under_way.popleft()
            yield first, parts
    finally:  # whoever stops listening, or is interrupted, waits for no more than the chunks that have begun
        wait([future for _, future in under_way if not future.cancel()])
        idle.append(threads)


@functools.cache
def _idle_threads(number: int) -> list[ThreadPoolExecutor]:
    """Groups of so many threads, kept from call to call: a new thread's memory is new to the system, which takes time.

    Each is lent to one call at a time, since one inside of another would wait for threads that wait for it.
    """
    del number
    return []


def _devices() -> list[Any]:
    """All there are, or the one that ``jax.default_device`` asks for; by the name of a platform, its first."""
    config: Any = jax.config
    chosen = config.jax_default_device
    if chosen is None:
        return jax.local_devices()
    return jax.local_devices(backend=chosen)[:1] if isinstance(chosen, str) else [chosen]


def _settings() -> Callable[[], AbstractContextManager]:
    """What enters JAX's settings of this thread in another: contexts such as ``jax.enable_x64`` end at the thread."""
    here: Any = jax.config
    x64, nans, precision = here.jax_enable_x64, here.jax_debug_nans, here.jax_default_matmul_precision

    @contextmanager
    def entered() -> Iterator[None]:
        with jax.enable_x64(x64), jax.debug_nans(nans), jax.default_matmul_precision(precision):
            yield

    return entered


def padded(first: int, count: int) -> np.ndarray:
    """``count`` path numbers from ``first`` on, and idle ones up to a whole number of vector registers.

    So that every path is computed by the same instructions, to the last bit, whatever the size of its chunk.
    """
    return np.arange(first, first + -(-count // REGISTER) * REGISTER)


@eqx.filter_jit(compiler_options=COMPILER_OPTIONS)  # pyright: ignore[reportCallIssue]  (jax.jit's, passed on)
def _chunk(problem: Problem, key: Array, numbers: Any, count: Any, statistics: Any) -> tuple[Any, Array, Array]:
    saved, ticks = run_paths(problem.motions, problem.index, problem.grid, key, numbers, keep_index=False)
    slot = _first_not_finite(saved.states)
    if statistics is None:
        return tuple(jnp.split(states.swapaxes(0, 1), 2, axis=-1) for states in saved.states), ticks, slot
    is_counted = jnp.arange(len(numbers)) < count
    parts = tuple(chunk_parts(statistics, states, saved.states[0], is_counted) for states in saved.states)
    return parts, ticks, slot


def _first_not_finite(states: tuple[Array, ...]) -> Array:
    """First slot of (T, paths, 2K) at which each path is not finite, T if none. What diverged never comes back."""

    def is_finite(saved: tuple[Array, ...]) -> Array:
        return jnp.stack([jnp.isfinite(state).all(-1) for state in saved]).all(0)

    never = jnp.full(states[0].shape[1], len(states[0]), jnp.int32)
    at_end = is_finite(tuple(state[-1] for state in states))

    def search() -> Array:
        return jnp.where(at_end, never, jnp.argmin(is_finite(states), axis=0).astype(jnp.int32))

    return jax.lax.cond(at_end.all(), lambda: never, search)  # looking at all of it costs as much as a switch


def _on_device(problem: Any, device: Any) -> Any:
    if jax.local_devices() == [device]:
        return problem
    arrays, rest = eqx.partition(problem, eqx.is_array)
    return eqx.combine(jax.device_put(arrays, device), rest)


def _num_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _with_starts(problem: Problem, numbers: np.ndarray) -> Problem:
    """The problem with the starts of these paths, where every path has its own."""

    def chosen(start: Array) -> Array:
        return start[numbers] if start.ndim == 2 else start

    motions = tuple(
        eqx.tree_at(lambda m: (m.position, m.velocity), motion, (chosen(motion.position), chosen(motion.velocity)))
        for motion in problem.motions
    )
    return Problem(motions, problem.index, problem.grid)


def _lanes(problem: Problem, num_paths: int, num_workers: int, platform: str, chunk_size: int | None) -> int:
    """Paths a chunk: what fits the cache, in rounds that give every worker its share."""
    if chunk_size is not None:
        return min(_checks.count(chunk_size, "chunk_size", "it is the number of paths side by side"), num_paths)
    numbers = sum(motion.position.shape[-1] for motion in problem.motions)
    times = problem.grid.times
    by_cache = CACHED_NUMBERS // (numbers + 1) if platform == "cpu" else 2**16
    by_memory = SAVED_BYTES // (2 * numbers * len(times) * times.dtype.itemsize)
    most = max(REGISTER, min(by_cache, by_memory) // REGISTER * REGISTER)
    num_chunks = -(-num_paths // (most * num_workers)) * num_workers
    unit = max(REGISTER, most // 16 // REGISTER * REGISTER)  # coarse, so that few sizes are ever compiled
    return min(most, -(-num_paths // (num_chunks * unit)) * unit, -(-num_paths // num_workers))
