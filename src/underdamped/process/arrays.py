"""Arrays that a user typed, as arrays of numbers."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from underdamped import _checks


def as_numbers(value: Any, argument: str) -> np.ndarray:
    """``value`` as a NumPy array of numbers or truth values, or an error that names ``argument``."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise _checks.fail(argument, "an array", value, "its rows differ in length") from None
    if not (jnp.issubdtype(array.dtype, jnp.number) or array.dtype == bool):
        raise _checks.fail(argument, "made of numbers", value, "it becomes an array", TypeError)
    return array


def as_doubles(value: Any, argument: str) -> np.ndarray:
    """``value`` as a NumPy array in double precision."""
    array = as_numbers(value, argument)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise _checks.fail(argument, "real", value, "write real and imaginary parts side by side", TypeError)
    return array.astype(np.float64)


def as_finite(value: Any, argument: str) -> Array:
    """``value`` as a JAX array without NaN or infinity; of floats, unless it is data."""
    result = jnp.asarray(value) if isinstance(value, Tracer) else _converted(as_numbers(value, argument), argument)
    if argument == "data" or jnp.issubdtype(result.dtype, jnp.floating):
        return result
    if jnp.issubdtype(result.dtype, jnp.complexfloating):
        raise _checks.fail(argument, "real", value, "write real and imaginary parts side by side", TypeError)
    return result.astype(float)


def check_symmetric(matrices: Array, argument: str) -> None:
    """An error unless each of the ``matrices``, (N, K, K), is symmetric up to rounding."""
    if isinstance(matrices, Tracer):
        return
    A = np.asarray(matrices)
    gap = float(np.abs(A - A.swapaxes(1, 2)).max())
    if gap > 1e-5 * np.abs(A).max():
        way_out = "only symmetric matrices are Hessians; use (A + A.T) / 2 if the gap is rounding"
        raise _checks.fail(argument, "symmetric", f"a largest gap of {gap:.3g}", way_out)


def _converted(array: np.ndarray, argument: str) -> Array:
    """The array in JAX, whose types may be narrower, if no entry is lost."""
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise _checks.fail(argument, "finite", f"{bad} NaN or infinite entries", "clean the data first")
    with np.errstate(over="ignore"):
        result = jnp.asarray(array)
    back = np.asarray(result)
    is_kept = back == array if np.issubdtype(array.dtype, np.integer) else np.isfinite(back)
    if not is_kept.all():
        way_out = "set jax.config.update('jax_enable_x64', True), or rescale"
        raise _checks.fail(argument, f"in the range of {result.dtype}", array[~is_kept].flat[0].item(), way_out)
    return result
