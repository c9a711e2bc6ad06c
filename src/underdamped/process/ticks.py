"""The index path on its own: when it switches."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process import faults, streams
from underdamped.process.arguments import check_index, check_key, check_path_number
from underdamped.process.loop import BREACH
from underdamped.process.switching import IndexProcess

_BLOCK = 1024


def switch_times(index: IndexProcess, *, until: float, key: Array, path_number: int = 0) -> np.ndarray:
    """When the index of one path ticks, self-jumps included.

    The index does not depend on what it drives, so this is the path that ``simulate`` follows with the same key and
    number. Give it as ``times`` there to save at the switches; position and velocity are continuous at them, but for
    the velocity at mass 0. Which side of the switch ``index`` and ``num_switches`` are on is up to rounding then, in
    single precision above all: read them off at times in between.

    Args:
        index: which components drive the flow, and when.
        until: end of the time considered, $> 0$.
        key: JAX key.
        path_number: which path of ``simulate_ensemble`` with this key.

    Returns:
        The times, increasing, in double precision.

    Raises:
        TypeError: If ``index`` is no index process, or ``key`` no key.
        ValueError: If ``until`` is not positive, or the rate is infinite or found outside of its bounds.

    Example:
        >>> import jax
        >>> from underdamped.process import UniformSwitching
        >>> bool(150 < len(switch_times(UniformSwitching(2, rate=10.0), until=20.0, key=jax.random.key(0))) < 250)
        True
    """
    end = _checks.positive(until, "until", "the process starts at time 0")
    check_index(index)
    if not np.isfinite(index.tick_rate(0.0)):
        raise _checks.fail("rate", "finite", index.tick_rate(0.0), "infinitely fast switching leaves the full gradient")
    random = streams.stream(check_key(key), check_path_number(path_number))
    state, random = index.start(random)
    times, time = [], 0.0
    while time <= end:
        waits, state, random = _block(index, state, random, jnp.asarray(time, float), jnp.asarray(end, float))
        block = time + np.cumsum(np.asarray(waits, np.float64))
        if np.isnan(block).any() and not (block > end).any():
            faults.report_breach(np.array([BREACH]))
        times.append(block[block <= end])
        time = block[-1]
    return np.concatenate(times)


@eqx.filter_jit
def _block(index: IndexProcess, state: Any, random: streams.Stream, time: Array, end: Array) -> tuple[Array, Any, Any]:
    def step(carry: Any, _: None) -> tuple[Any, Array]:
        time, state, random = carry
        wait, random = index.wait(state, time, end, random)
        state, random = index.tick(state, random)
        return (time + wait, state, random), wait

    (_, state, random), waits = jax.lax.scan(step, (time, state, random), length=_BLOCK)
    return waits, state, random
