"""The shapes in the annotations of ``underdamped.process``, checked in every call while tests run."""

from collections.abc import Callable
from typing import Any, get_args

import beartype
from jaxtyping import AbstractArray


def check(function: Callable) -> Callable:
    """Beartype for annotations that speak of shapes alone: what users type wrong, the package itself has to refuse."""
    hints = function.__annotations__
    function.__annotations__ = {name: hint for name, hint in hints.items() if _has_shape(hint)}
    return beartype.beartype(function)


def _has_shape(hint: Any) -> bool:
    is_array = isinstance(hint, type) and issubclass(hint, AbstractArray)
    return is_array or any(_has_shape(part) for part in get_args(hint))
