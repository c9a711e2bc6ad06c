"""Paths that went wrong are named: which, and when."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from underdamped.process.loop import BREACH


def first_divergence(states: Sequence[Any], times: np.ndarray) -> np.ndarray:
    """First saved time at which a path is not finite, infinity if none: (paths,) from arrays (T, paths, ...)."""
    bad = np.zeros(states[0].shape[:2], dtype=bool)
    for state in states:
        bad |= ~np.isfinite(np.asarray(state)).all(axis=tuple(range(2, state.ndim)))
    return np.where(bad.any(0), times[bad.argmax(0)], np.inf)


def report(diverged_at: np.ndarray, first_number: int = 0) -> None:
    """Raise if any path diverged.

    Raises:
        FloatingPointError: Naming the paths and the times.
    """
    bad = np.flatnonzero(np.isfinite(diverged_at))
    if not bad.size:
        return
    named = ", ".join(f"path {number + first_number} by time {diverged_at[number]:g}" for number in bad[:5])
    more = f" and {bad.size - 5} more" if bad.size > 5 else ""
    message = (
        f"{bad.size} of {diverged_at.size} paths diverged: {named}{more}. Take a shorter step or the Exact flow if the "
        "integrator is unstable (compare two steps); a larger friction or faster switching if the process is."
    )
    raise FloatingPointError(message)


def report_breach(num_ticks: np.ndarray) -> None:
    """Raise if a rate was found outside of the bounds it came with.

    Raises:
        ValueError: Saying how many paths were affected.
    """
    breaches = int((num_ticks < BREACH // 2).sum())
    if breaches:
        message = (
            f"`rate` left [0, bound] of Bounded on {breaches} paths, so their law is wrong: mend the rate or the bound."
        )
        raise ValueError(message)
