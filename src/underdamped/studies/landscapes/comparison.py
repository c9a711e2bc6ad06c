"""The comparison: every method is tuned on the same number of settings, then judged on fresh runs, several times."""

import jax
import numpy as np

from underdamped.studies.landscapes.basins import in_global_basin
from underdamped.studies.landscapes.descend import descend
from underdamped.studies.landscapes.methods import METHODS, Method
from underdamped.studies.landscapes.problems import Problem
from underdamped.studies.landscapes.rows import Row, share

PLAIN_DESCENT = "gradient descent"
"""The name of the yardstick: where the starts lead without noise and without momentum."""


def compare(
    problem: Problem, *, gradients: int, num_settings: int, tuning_runs: int, judged_runs: int, tunings: int, seed: int
) -> list[Row]:
    """How often each method ends in the global basin, at equal budgets of gradients and of tuning.

    In a tuning every method tries ``num_settings`` settings on ``tuning_runs`` runs each; the best is judged by
    ``judged_runs`` fresh runs, because the best of many shares flatters. Which setting is found best is itself a
    matter of chance, and of more than the fresh runs are: therefore all of it is repeated ``tunings`` times, with other
    settings to try, and methods are compared over tunings. Batches are single components.

    Args:
        problem: what is minimised.
        gradients: of single components, for each run.
        num_settings: tried for each method in each tuning.
        tuning_runs: for each setting.
        judged_runs: for the setting chosen.
        tunings: independent repetitions.
        seed: of all randomness.

    Returns:
        A row for each method and tuning, the latter's number in ``x``; and one for gradient descent from the starts.
    """
    runs = tunings * judged_runs
    yardstick = in_global_basin(problem, problem.starts(jax.random.key(seed), runs))
    rows = [share("comparison", PLAIN_DESCENT, int(yardstick.sum()), runs, problem=problem.name)]
    for number, method in enumerate(METHODS.values()):
        of_method = jax.random.fold_in(jax.random.key(seed), number)
        for tuning in range(tunings):
            keys = jax.random.split(jax.random.fold_in(of_method, tuning), 2)
            tried = method.draw(num_settings, [seed, tuning])
            repeated = {name: np.repeat(values, tuning_runs) for name, values in tried.items()}
            found = _hits(problem, method, repeated, gradients, keys[0]).reshape(num_settings, tuning_runs).mean(1)
            best = {name: float(values[found.argmax()]) for name, values in tried.items()}
            fresh = _hits(problem, method, {k: np.full(judged_runs, v) for k, v in best.items()}, gradients, keys[1])
            note = ", ".join(f"{name} {value:.2g}" for name, value in best.items())
            hits = int(fresh.sum())
            rows.append(share("comparison", method.name, hits, judged_runs, problem=problem.name, x=tuning, note=note))
    return rows


def _hits(
    problem: Problem, method: Method, settings: dict[str, np.ndarray], gradients: int, key: jax.Array
) -> np.ndarray:
    of_starts, of_batches = jax.random.split(key)
    starts = problem.starts(of_starts, len(next(iter(settings.values()))))
    return in_global_basin(problem, descend(problem, method, settings, starts, of_batches, gradients))
