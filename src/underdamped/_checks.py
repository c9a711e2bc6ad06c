"""One form for every complaint about bad input: the argument, its bound, what was given, the way out."""

import difflib
import math
import operator
from collections.abc import Iterable


def fail(argument: str, bound: str, value: object, way_out: str, error: type[Exception] = ValueError) -> Exception:
    """The exception to raise when ``argument`` breaks its ``bound``.

    Args:
        argument: Name of the argument, as the user typed it.
        bound: What it must be, continuing "must be".
        value: What was given.
        way_out: Why the bound is there, or what to do instead.
        error: Built-in exception type.

    Returns:
        An exception whose message reads "`argument` must be bound, got value: way out."

    Example:
        >>> raise fail("friction", "positive", 0.0, "without friction the flow does not converge")
        Traceback (most recent call last):
            ...
        ValueError: `friction` must be positive, got 0.0: without friction the flow does not converge.
    """
    stop = "" if way_out.endswith("?") else "."
    return error(f"`{argument}` must be {bound}, got {value!r}: {way_out}{stop}")


def number(value: object, argument: str, way_out: str) -> float:
    """``value`` as a finite float, or a ``TypeError``/``ValueError`` that names ``argument``."""
    try:
        if isinstance(value, str | bytes | bool):  # float() would take them
            raise TypeError
        result = float(value)  # pyright: ignore[reportArgumentType]  (the failure is the check)
    except (TypeError, ValueError):
        raise fail(argument, "a number", value, way_out, TypeError) from None
    if not math.isfinite(result):
        raise fail(argument, "finite", value, way_out)
    return result


def positive(value: object, argument: str, way_out: str) -> float:
    """``value`` as a finite float > 0, or an error that names ``argument``."""
    result = number(value, argument, way_out)
    if result <= 0:
        raise fail(argument, "positive", value, way_out)
    return result


def non_negative(value: object, argument: str, way_out: str) -> float:
    """``value`` as a finite float >= 0, or an error that names ``argument``."""
    result = number(value, argument, way_out)
    if result < 0:
        raise fail(argument, "non-negative", value, way_out)
    return result


def fraction(value: object, argument: str, way_out: str) -> float:
    """``value`` as a float in [0, 1), or an error that names ``argument``."""
    result = number(value, argument, way_out)
    if not 0 <= result < 1:
        raise fail(argument, "in [0, 1)", value, way_out)
    return result


def count(value: object, argument: str, way_out: str, most: float = math.inf) -> int:
    """``value`` as an int from 1 to ``most``, or an error that names ``argument``."""
    try:
        result = operator.index(value)  # pyright: ignore[reportArgumentType]  (the failure is the check)
    except TypeError:
        raise fail(argument, "an integer", value, way_out, TypeError) from None
    if not 1 <= result <= most:
        raise fail(argument, "at least 1" if most == math.inf else f"from 1 to {most}", value, way_out)
    return result


def suggestion(name: str, known: Iterable[str]) -> str:
    """What to add to "unknown name": the closest known name, or all of them.

    Example:
        >>> suggestion("fricton", ["friction", "mass"])
        "did you mean 'friction'?"
        >>> suggestion("banana", ["friction", "mass"])
        'choose one of friction, mass'
    """
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}"
