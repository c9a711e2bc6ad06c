"""Fig. 6 and beyond: many minima. SGD and SGMP on random quartics, and who finds a known global minimum, and when."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import polars as pl

from underdamped import _checks
from underdamped.studies.landscapes.comparison import compare
from underdamped.studies.landscapes.moving import moving
from underdamped.studies.landscapes.plane import plane
from underdamped.studies.landscapes.problems import PROBLEMS, Problem
from underdamped.studies.landscapes.quartics import BATCH, figure_6
from underdamped.studies.landscapes.rows import Row, frame
from underdamped.studies.landscapes.sweep import sweep
from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run
from underdamped.studies.setting import Setting

EXPERIMENTS = ("comparison", "mass", "plane", "moving", "fig6")
"""In the order in which they are computed, the shorter ones first."""


@dataclass(frozen=True)
class Config:
    """Fig. 6 at the paper's size, and six landscapes, of four kinds, with known global minima."""

    experiments: tuple[str, ...] = EXPERIMENTS
    """What to measure: comparison (tuned methods at equal budgets), mass (mass, its loss, batch size), plane (mass and
    switching rate in continuous time), moving (paths to look at), fig6."""
    problems: tuple[str, ...] = tuple(PROBLEMS)
    """Landscapes of comparison and mass: himmelblau, styblinski-tang-2, -5, -10, rastrigin, phase-retrieval."""
    plane_problems: tuple[str, ...] = ("himmelblau", "styblinski-tang-2")
    """Landscapes of plane."""
    seed: int = 0
    """Seed of all randomness."""
    gradients: int = 1000
    """Gradients of single components that a run of comparison and mass may use."""
    tunings: int = 10
    """Independent repetitions of tuning and judging, over which methods are compared; with 1 no order is claimed."""
    settings: int = 32
    """Settings that each method is tuned over."""
    tuning_runs: int = 64
    """Runs for each setting."""
    judged_runs: int = 512
    """Fresh runs by which the best setting of a tuning is judged."""
    mass_runs: int = 1024
    """Runs for each mass, loss and batch size."""
    plane_runs: int = 1024
    """Paths for each point of the plane."""
    plane_size: int = 8
    """Masses, and switching rates, on the plane's axes."""
    paths: int = 150
    """Paths of the animation."""
    frames: int = 50
    """Pictures of the animation."""
    fig6_runs: int = 100
    """Random problems of Fig. 6, with one run each."""
    fig6_dimension: int = 500
    """Variables of Fig. 6."""
    fig6_components: int = 100
    """Components of Fig. 6."""
    fig6_iterations: int = 1000
    """Iterations of Fig. 6. (The paper: 500.)"""


QUICK = Config(
    problems=("himmelblau",),
    plane_problems=("himmelblau",),
    gradients=300,
    tunings=1,
    settings=8,
    tuning_runs=32,
    judged_runs=256,
    mass_runs=100,
    plane_runs=100,
    plane_size=4,
    paths=60,
    frames=24,
    fig6_runs=6,
    fig6_dimension=60,
    fig6_components=50,
    fig6_iterations=500,
)
"""The defaults with ``--quick``: everything once, in small; intervals are wide then."""


def check(config: Config) -> None:
    """Refuse what cannot be measured, before anything is written.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a name is unknown or given twice, or a size is out of range.
    """
    for argument, known in (("experiments", EXPERIMENTS), ("problems", PROBLEMS), ("plane_problems", PROBLEMS)):
        names = getattr(config, argument)
        for name in names:
            if name not in known:
                raise _checks.fail(argument, "made of known names", name, _checks.suggestion(name, known))
        if len(set(names)) < len(names):
            raise _checks.fail(argument, "without repetition", names, "each is measured once")
    if not config.experiments:
        raise _checks.fail("experiments", "at least one", config.experiments, f"choose from {', '.join(EXPERIMENTS)}")
    needed = {"problems": ("comparison", "mass"), "plane_problems": ("plane",)}
    for argument, those in needed.items():
        if not getattr(config, argument) and (asked := [name for name in those if name in config.experiments]):
            way_out = f"{' and '.join(asked)} would measure nothing; leave them out of experiments"
            raise _checks.fail(argument, "at least one", getattr(config, argument), way_out)
    least = {
        "plane_size": 2,
        "frames": 2,
        "fig6_runs": 2,
        "fig6_dimension": 2,
        "fig6_components": BATCH,
        "gradients": 20,
    }
    for argument in (
        "gradients", "tunings", "settings", "tuning_runs", "judged_runs", "mass_runs", "plane_runs", "plane_size",
        "paths", "frames", "fig6_runs", "fig6_dimension", "fig6_components", "fig6_iterations",
    ):  # fmt: skip
        bound = least.get(argument, 1)
        if getattr(config, argument) < bound:
            raise _checks.fail(argument, f"at least {bound}", getattr(config, argument), "fewer measure nothing")
    if config.seed < 0:
        raise _checks.fail("seed", "non-negative", config.seed, "it is the seed of all keys")


def problems(config: Config) -> tuple[Setting, ...]:
    """What is minimised, as the theory sees it, for ``underdamped check``: no theorem speaks about it."""
    named = {*(config.problems if {"comparison", "mass"} & {*config.experiments} else ()),
             *(config.plane_problems if "plane" in config.experiments else ())}  # fmt: skip
    remark = "Not convex: the theorems do not apply."
    quartic = "components are quartics; L is a curvature of the mean at sampled points, no Lipschitz constant"
    return tuple(
        Setting(problem.name, 0.0, max_curvature=problem.curvature, remark=remark,
                not_met={"A2": "not convex"} | ({} if name == "rastrigin" else {"A1": quartic}),
                curvatures_of="the mean at sampled points")
        for name, problem in ((name, _problem(name)) for name in PROBLEMS if name in named)
    )  # fmt: skip


def run(config: Config, run: Run) -> pl.DataFrame:
    """Measure what the configuration asks for, but not again what the run has recorded already.

    Args:
        config: what is asked for; see `check`.
        run: the open run directory. Records are written there after each experiment on each landscape.

    Returns:
        The records, columns as in ``landscapes.rows.SCHEMA``.

    Raises:
        ValueError: If the configuration is out of range.
        OSError: If a file cannot be written.
    """
    check(config)
    parts = {
        name: lambda name=name, measure=measure: _measure(name, measure) for name, measure in _jobs(config).items()
    }
    return record_parts(run, pl.col("job"), parts)


def _measure(name: str, measure: Callable[[], list[Row]]) -> pl.DataFrame:
    """A job's rows as records, and how long it took."""
    began = time.monotonic()
    rows = measure()
    rows.append({"experiment": "time", "series": name, "quantity": "seconds", "value": time.monotonic() - began})
    return frame([row | {"job": name} for row in rows])


def _jobs(config: Config) -> dict[str, Callable[[], list[Row]]]:
    """Everything to measure, by the names under which it is recorded."""
    jobs: dict[str, Callable[[], list[Row]]] = {}
    for experiment in (name for name in EXPERIMENTS if name in config.experiments):
        match experiment:
            case "comparison":
                jobs |= {f"comparison, {name}": lambda name=name: compare(
                    _problem(name), gradients=config.gradients, num_settings=config.settings,
                    tuning_runs=config.tuning_runs, judged_runs=config.judged_runs, tunings=config.tunings,
                    seed=config.seed) for name in config.problems}  # fmt: skip
            case "mass":
                jobs |= {f"mass, {name}": lambda name=name: sweep(
                    _problem(name), gradients=config.gradients, runs=config.mass_runs, seed=config.seed)
                    for name in config.problems}  # fmt: skip
            case "plane":
                jobs |= {f"plane, {name}": lambda name=name: plane(
                    _problem(name), size=config.plane_size, runs=config.plane_runs, seed=config.seed)
                    for name in config.plane_problems}  # fmt: skip
            case "moving":
                jobs["moving"] = lambda: moving(
                    _problem("himmelblau"), paths=config.paths, frames=config.frames, seed=config.seed
                )
            case _:
                jobs["fig6"] = lambda: figure_6(
                    runs=config.fig6_runs, dimension=config.fig6_dimension, num_components=config.fig6_components,
                    iterations=config.fig6_iterations, seed=config.seed, progress=_fig6_progress(config.fig6_runs),
                )  # fmt: skip
    return jobs


@cache
def _problem(name: str) -> Problem:
    return PROBLEMS[name]()


def _fig6_progress(runs: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        if done % max(1, runs // 10) == 0:
            print(f"  fig6: {done} of {runs} problems", file=sys.stderr, flush=True)

    return tell
