"""Functions that a user typed, as functions that JAX can trace."""

from typing import Any

import jax
import jax.numpy as jnp

from underdamped import _checks


def check_schedule(schedule: Any, argument: str) -> None:
    """An error unless JAX can trace ``schedule``, with one number as its value."""
    time = jax.ShapeDtypeStruct((), jnp.zeros(()).dtype)
    try:
        value = jax.eval_shape(lambda t: jnp.asarray(schedule(t), float), time)
    except (TypeError, ValueError) as error:
        way_out = "write it with jax.numpy, to return one number"
        raise _checks.fail(argument, "a function that JAX can trace", schedule, way_out, TypeError) from error
    if value.shape != ():
        raise _checks.fail(argument, "one number at a time", f"shape {value.shape}", "return a scalar")
