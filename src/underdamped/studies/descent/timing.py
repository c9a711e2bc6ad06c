"""What a step of each method costs, as a ratio to SGD, side by side in one process."""

import time
from collections.abc import Sequence

import numpy as np

from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.contenders import Contender, Context, stacked
from underdamped.studies.descent.race import race
from underdamped.studies.descent.regressions import Regression


def step_time_ratios(
    problem: Regression, contenders: Sequence[Contender], batch_size: int, num_steps: int, rounds: int
) -> np.ndarray:
    """Seconds a step of a compiled loop with one run, divided by those of the first contender in the same round.

    Rounds go over all contenders in turn, so that a machine that is busy for a while slows all of them alike.

    Args:
        problem: what they minimise.
        contenders: the methods; ratios are to the first.
        batch_size: of every step.
        num_steps: steps of one loop.
        rounds: measurements of each.

    Returns:
        Ratios, (rounds, contenders).
    """
    context = Context(1.0 / problem.smoothness, num_steps)
    batches = draw_batches(np.random.default_rng(0), problem.num_components, batch_size, (num_steps, 1))
    start = np.zeros(problem.dimension)

    def seconds(contender: Contender) -> float:
        began = time.perf_counter()
        setting = stacked([contender.by_rule(context)])
        race(
            problem.target, problem.minimum.position, [contender], [setting], context, batches, [num_steps], start
        )  # gives NumPy arrays, and so waits
        return time.perf_counter() - began

    for contender in contenders:
        seconds(contender)  # compiles
    found = np.array([[seconds(contender) for contender in contenders] for _ in range(rounds)])
    return found / found[:, :1]
