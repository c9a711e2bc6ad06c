"""What several entry points take, checked once and in one wording."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped import _checks
from underdamped.process.arrays import as_doubles
from underdamped.process.switching import IndexProcess
from underdamped.process.targets import Target

MOST_PATHS = 2**32
"""Path numbers are 32-bit words: more paths would repeat the first ones."""


_OLD_STYLE: dict[tuple[int, ...], str] = {(2,): "threefry2x32", (4,): "rbg"}
"""Shapes of keys that are arrays of words, and what they are keys of."""


def check_key(key: Any) -> Array:
    """``key`` as a new-style key of threefry.

    Other generators draw for all lanes of a ``vmap`` together, so that a path would depend on who is beside it. A key
    of theirs seeds threefry.
    """
    if isinstance(key, jax.Array) and key.dtype == jnp.uint32 and key.shape in _OLD_STYLE:
        key = jax.random.wrap_key_data(key, impl=_OLD_STYLE[key.shape])
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ()):
        raise _checks.fail("key", "one JAX key", key, "make one by jax.random.key(seed)", TypeError)
    if jax.random.key_impl(key) == "threefry2x32":
        return key
    return jax.random.wrap_key_data(jax.random.bits(key, (2,), jnp.uint32), impl="threefry2x32")


def check_path_number(number: Any) -> int:
    """``number`` as one of the 32-bit path numbers."""
    try:
        result = operator.index(number)
    except TypeError:
        raise _checks.fail("path_number", "an integer", number, "0 is the first path", TypeError) from None
    if not 0 <= result < MOST_PATHS:
        raise _checks.fail(
            "path_number", f"from 0 to {MOST_PATHS - 1}", number, "0 is the first path; take another key"
        )
    return result


def check_times(times: Any) -> np.ndarray:
    """``times`` in double precision, (T,)."""
    exact = as_doubles(times, "times")
    if exact.ndim != 1 or not exact.size:
        raise _checks.fail("times", "one-dimensional and not empty", exact.shape, "list the times to be saved")
    if not np.isfinite(exact).all() or exact[0] < 0 or (np.diff(exact) <= 0).any():
        raise _checks.fail(
            "times", "finite, not negative and strictly increasing", times, "the process starts at time 0"
        )
    return exact


def check_mass(mass: Any, argument: str = "mass") -> float:
    """``mass`` as a number at least 0."""
    return _checks.non_negative(mass, argument, "0 removes momentum, nothing lies below")


def check_friction(friction: Any) -> float:
    """``friction`` as a number above 0."""
    return _checks.positive(friction, "friction", "without friction the flow does not converge")


def check_index(index: Any) -> None:
    """An error unless ``index`` is an index process."""
    if not isinstance(index, IndexProcess):
        way_out = "choose for example UniformSwitching(num_components, rate)"
        raise _checks.fail("index", "an IndexProcess", index, way_out, TypeError)


def check_kinds(target: Any, index: Any) -> None:
    """An error unless both are what they should be and fit each other."""
    if not isinstance(target, Target):
        raise _checks.fail("target", "a Target", target, "wrap a function as FiniteSum(component, data)", TypeError)
    check_index(index)
    check_components(target, index)


def check_components(target: Target, index: IndexProcess) -> None:
    """An error unless ``index`` shows what ``target`` is made of: as many components, or points."""
    of_target, of_index = getattr(target, "num_components", None), getattr(index, "num_components", None)
    if of_target != of_index:
        given, has = (_made_of(number) for number in (of_index, of_target))
        way_out = f"`target` has {has}"
        if None in (of_target, of_index):
            lacking = "target" if of_target is None else "index"
            way_out += f"; if `{lacking}` is about numbered components, let its class declare `num_components`"
        raise _checks.fail("index", "an index of what the target is made of", given, way_out)


def _made_of(num_components: int | None) -> str:
    return "no `num_components`, but data points" if num_components is None else f"{num_components} components"
