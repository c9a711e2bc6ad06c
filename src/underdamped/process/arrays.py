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
    if not isinstance(value, Tracer):
        array = as_numbers(value, argument)
        bad = int(array.size - np.isfinite(array).sum())
        if bad:
            raise _checks.fail(argument, "finite", f"{bad} NaN or infinite entries", "clean the data first")
    result = jnp.asarray(value)
    if argument == "data" or jnp.issubdtype(result.dtype, jnp.floating):
        return result
    if jnp.issubdtype(result.dtype, jnp.complexfloating):
        raise _checks.fail(argument, "real", value, "write real and imaginary parts side by side", TypeError)
    return result.astype(float)
