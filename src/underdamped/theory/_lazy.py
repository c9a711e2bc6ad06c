"""Libraries that only some functions need: imported when those are called, with the pip line where one is missing."""

import importlib
from typing import Any


def need(module: str, extra: str) -> Any:
    """``module``, imported, or a ``ModuleNotFoundError`` that says which extra of this package brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        name = module.partition(".")[0]
        if error.name is not None and error.name.partition(".")[0] != name:
            raise  # the library is there, and lacks something of its own
        raise ModuleNotFoundError(
            f"this part of `underdamped.theory` needs {name}: pip install 'underdamped[{extra}]'", name=name
        ) from error
