"""SGMP and its neighbours on one real regression: tuned with equal budgets, then run on fresh seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np

from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.contenders import CONTENDERS, GRID_SIZE, Context, Setting, stacked
from underdamped.studies.descent.race import Progress, race
from underdamped.studies.descent.regressions import REGRESSIONS, Regression, load_regression
from underdamped.studies.descent.rows import Row, mean_with_interval, row
from underdamped.studies.descent.stability import stability_limits
from underdamped.studies.descent.timing import step_time_ratios

RULE, TUNED = "by rule (38)", "tuned"
_TUNING, _RESULT = 0, 1  # purposes of random streams: what is tuned on is never reported
_TIMED_STEPS = 10_000


@dataclass(frozen=True)
class Plan:
    r"""How a comparison is made.

    Attributes:
        num_steps: T.
        batch_size: $\ell$.
        l2: $\lambda$.
        factor: multiplies rule (38) where the step is set by it.
        num_seeds: runs that the result rests on.
        num_tuning_seeds: runs that settings are chosen by; other batches than those of the result.
        num_checkpoints: about how often a run is looked at.
        timing_rounds: measurements of each method's seconds a step.
        seed: of all batches.
    """

    num_steps: int
    batch_size: int
    l2: float
    factor: float
    num_seeds: int
    num_tuning_seeds: int
    num_checkpoints: int
    timing_rounds: int
    seed: int


def compare(name: str, plan: Plan) -> list[Row]:
    """Tune every method, then run all of them by rule and tuned, on the same batches.

    Args:
        name: of the regression.
        plan: how.

    Returns:
        Rows of that experiment.
    """
    with jax.enable_x64(True):
        problem = load_regression(name, plan.l2)
        context = Context(1.0 / problem.smoothness, plan.num_steps)
        chosen, rows = _tune(name, problem, plan, context)
        by_rule = [c.by_rule(context) for c in CONTENDERS]
        by_rule = [setting._replace(step=setting.step * plan.factor) for setting in by_rule]
        checkpoints = np.unique(np.geomspace(1, plan.num_steps, plan.num_checkpoints).round().astype(int))
        pairs = [stacked(pair) for pair in zip(by_rule, chosen, strict=True)]
        progress = _race(problem, plan, context, pairs, plan.num_seeds, _RESULT, checkpoints)
        rows += _facts(name, problem)
        for place, setting in enumerate((RULE, TUNED)):
            rows += _curves(name, setting, progress, place, checkpoints * plan.batch_size)
        ratios = step_time_ratios(problem, CONTENDERS, plan.batch_size, _TIMED_STEPS, plan.timing_rounds)
    for contender, values in zip(CONTENDERS, ratios.T, strict=True):
        ratio, interval = mean_with_interval(values, geometric=True)
        rows.append(row(name, contender.name, "time a step / SGD's", ratio, interval=interval))
    return rows


def warnings_of(name: str, plan: Plan) -> Sequence[str]:
    """Assumptions that the rule's steps do not meet, in words; empty if they do."""
    _, _, L = REGRESSIONS[name](plan.l2)
    context = Context(1.0 / L, plan.num_steps)
    found = []
    for contender in CONTENDERS:
        setting = contender.by_rule(context)
        step = float(setting.step) * plan.factor
        limits = stability_limits(contender.name, setting, L, plan.num_steps)
        if limits is not None and (count := int((step >= limits).sum())):
            found.append(
                f"{name}: the step h = {step:.3g} of {contender.name} is not below the stability limit "
                f"{limits.min():.3g} of the stiffest component, L = {L:.3g}, at {count} of {plan.num_steps} steps."
            )
    return found


def _race(
    problem: Regression,
    plan: Plan,
    context: Context,
    settings: Sequence[Setting],
    num_seeds: int,
    purpose: int,
    checkpoints: Sequence[int] | np.ndarray,
) -> Progress:
    generator = np.random.default_rng([plan.seed, purpose])
    batches = draw_batches(generator, problem.num_components, plan.batch_size, (plan.num_steps, num_seeds))
    start = np.zeros(problem.dimension)
    return race(
        problem.target, problem.minimum.position, CONTENDERS, settings, context, batches, list(checkpoints), start
    )


def _tune(name: str, problem: Regression, plan: Plan, context: Context) -> tuple[list[Setting], list[Row]]:
    """The setting with the least mean final gap, for each method, and rows that say what was chosen."""
    grids = [contender.grid(context) for contender in CONTENDERS]
    settings = [stacked(grid) for grid in grids]
    ended = _race(problem, plan, context, settings, plan.num_tuning_seeds, _TUNING, [plan.num_steps])
    gaps = np.where(np.isfinite(ended.gap[:, 0]), ended.gap[:, 0], np.inf).mean(axis=1)
    chosen, rows = [], []
    for contender, grid, gap in zip(CONTENDERS, grids, gaps, strict=True):
        best = grid[int(gap.argmin())]
        steps = [setting.step for setting in grid]
        add = partial(row, name, contender.name, setting=TUNED)
        chosen.append(best)
        rows += [
            add("step", best.step),
            add("fade", best.fade),
            add("own", best.own),
            add("at the edge of the grid", best.step in (min(steps), max(steps))),
            add("settings tried", GRID_SIZE),
            add("settings diverged", np.isinf(gap).sum()),
        ]
    return chosen, rows


def _facts(name: str, problem: Regression) -> list[Row]:
    facts = {
        "components N": problem.num_components,
        "dimension K": problem.dimension,
        "Lipschitz constant L": problem.smoothness,
        "least curvature at the minimiser": problem.minimum.least_curvature,
        "gradient norm at the minimiser": problem.minimum.gradient_norm,
    }
    return [row(name, "problem", quantity, value) for quantity, value in facts.items()]


def _curves(name: str, setting: str, progress: Progress, place: int, evaluations: np.ndarray) -> list[Row]:
    rows: list[Row] = []
    for contender, *measured in zip(CONTENDERS, progress.gap, progress.distance, strict=True):
        add = partial(row, name, contender.name, setting=setting)
        for quantity, values in zip(("gap", "distance"), measured, strict=True):
            seeds = values[:, :, place]
            for x, at in zip(evaluations, seeds, strict=True):
                mean, interval = mean_with_interval(at, geometric=True)
                rows.append(add(quantity, mean, x=x, interval=interval))
            rows += [add(f"final {quantity}", value, x=seed) for seed, value in enumerate(seeds[-1])]
    return rows
