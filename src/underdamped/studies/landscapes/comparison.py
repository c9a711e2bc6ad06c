"""The comparison: every method is tuned on the same number of settings, then judged on fresh runs."""

import jax
import numpy as np

from underdamped.studies.landscapes.basins import in_global_basin
from underdamped.studies.landscapes.descend import descend
from underdamped.studies.landscapes.methods import METHODS, Method
from underdamped.studies.landscapes.problems import Problem
from underdamped.studies.landscapes.rows import Row, share

PLAIN_DESCENT = "gradient descent"
"""The name of the yardstick: where the starts lead without noise and without momentum."""


def compare(problem: Problem, *, gradients: int, num_settings: int, tuning_runs: int, seed: int) -> list[Row]:
    """How often each method ends in the global basin, at equal budgets of gradients and of tuning.

    Every method tries ``num_settings`` settings on ``tuning_runs`` runs each; the best is judged by fresh runs, as many
    as all of tuning, because the best of many shares flatters. Nothing random is shared between methods, so that their
    shares are independent. Batches are single components.

    Args:
        problem: what is minimised.
        gradients: of single components, for each run.
        num_settings: tried for each method.
        tuning_runs: for each setting.
        seed: of all randomness.

    Returns:
        A row for each method, and one for gradient descent from the starts.
    """
    runs = num_settings * tuning_runs
    yardstick = in_global_basin(problem, problem.starts(jax.random.key(seed), runs))
    rows = [share("comparison", PLAIN_DESCENT, int(yardstick.sum()), runs, problem=problem.name)]
    for number, method in enumerate(METHODS.values()):
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), number), 2)
        tried = method.draw(num_settings, seed)
        repeated = {name: np.repeat(values, tuning_runs) for name, values in tried.items()}
        found = _hits(problem, method, repeated, gradients, keys[0]).reshape(num_settings, tuning_runs).mean(1)
        best = {name: float(values[found.argmax()]) for name, values in tried.items()}
        fresh = _hits(problem, method, {k: np.full(runs, v) for k, v in best.items()}, gradients, keys[1])
        note = ", ".join(f"{name} {value:.2g}" for name, value in best.items())
        rows.append(share("comparison", method.name, int(fresh.sum()), runs, problem=problem.name, note=note))
    return rows


def _hits(
    problem: Problem, method: Method, settings: dict[str, np.ndarray], gradients: int, key: jax.Array
) -> np.ndarray:
    of_starts, of_batches = jax.random.split(key)
    starts = problem.starts(of_starts, len(next(iter(settings.values()))))
    return in_global_basin(problem, descend(problem, method, settings, starts, of_batches, gradients))
