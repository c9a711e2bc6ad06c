"""Fig. 5: random quadratics with SGD, hSGMP and dmSGMP; then real regressions against the usual optimisers."""

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from underdamped import _checks
from underdamped.studies.descent import comparison, figure5, settling
from underdamped.studies.descent.comparison import Plan
from underdamped.studies.descent.quadratics import Shape
from underdamped.studies.descent.regressions import REGRESSIONS, TITLES, check_regression
from underdamped.studies.descent.rows import SCHEMA, Row, frame, row
from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run
from underdamped.studies.setting import Setting
from underdamped.studies.training.workers import check_workers, num_cores
from underdamped.theory import step_rule

__all__ = ["QUICK", "SCHEMA", "Config", "check", "problems", "run"]

WARNINGS = "warnings"
"""Experiment of the rows that say, in ``series``, which assumption is not met."""


@dataclass(frozen=True)
class Config:
    """Fig. 5 at the paper's size, then three real regressions.

    Fig. 5 needs 100 MB for each worker and about three seconds of one core for each problem.
    """

    OPERATIONAL: ClassVar[tuple[str, ...]] = ("workers",)

    random_problems: int = 100
    """Random problems of Fig. 5; 0 to leave it out."""
    dimension: int = 500
    """K of Fig. 5."""
    components: int = 100
    """N of Fig. 5."""
    lowest: float = 0.05
    """Least possible eigenvalue of Fig. 5's matrices."""
    highest: float = 15.0
    """Greatest possible eigenvalue of Fig. 5's matrices, the L of its step rule."""
    iterations: int = 1000
    """Iterations of Fig. 5."""
    masses: tuple[float, ...] = (1.0, 0.5, 0.25)
    """Masses of Fig. 5, and first masses where they decrease."""
    ratios: tuple[float, ...] = (0.995, 0.99)
    """What is left of a decreasing mass after each iteration of Fig. 5. The paper prints the first, its plot looks like
    the second."""
    friction: float = 5.0
    """Friction of SGMP in Fig. 5."""
    problems: tuple[str, ...] = ("diabetes", "breast-cancer", "digits")
    """Real regressions: diabetes (ridge), breast-cancer (logistic), digits (multinomial logistic)."""
    l2: float = 0.01
    """Weight of their L2 regularisation; positive, so that every component has one minimiser."""
    steps: int = 4000
    """Steps of every method on the real regressions."""
    seeds: int = 12
    """Runs of every method that the result on real data rests on."""
    tuning_seeds: int = 5
    """Other runs, by which settings are chosen."""
    spread_chains: int = 32
    """Runs by which the stationary spread is measured; 0 to leave it out."""
    spread_steps: int = 20_000
    """Steps of each of them, of which the first half is not counted."""
    timing_rounds: int = 11
    """Measurements of each method's time a step."""
    batch_size: int = 10
    """Components in a batch, drawn without replacement."""
    step_factor: float = 1.0
    """Multiplies steps that are set by rule (38), h = α/L. From 2 on SGD is beyond its stability limit."""
    seed: int = 0
    """Of all randomness."""
    workers: int | None = None
    """Random problems side by side; if not given, one for each core."""


QUICK = Config(
    random_problems=5,
    dimension=50,
    components=20,
    iterations=300,
    problems=("diabetes",),
    steps=500,
    seeds=5,
    tuning_seeds=2,
    spread_chains=8,
    spread_steps=8000,
    timing_rounds=3,
)
"""The defaults with ``--quick``: small problems and few runs, to see that everything works."""


def check(config: Config) -> None:
    """Refuse what cannot be run, or whose distance to a minimiser is not defined.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a value is out of range.
    """
    for name, way_out in (("random_problems", "0 leaves Fig. 5 out"), ("spread_chains", "0 leaves the spread out"),
                          ("seed", "it is where randomness comes from")):  # fmt: skip
        if getattr(config, name) < 0:
            raise _checks.fail(name, "at least 0", getattr(config, name), way_out)
    for name in ("dimension", "iterations", "steps", "seeds", "tuning_seeds", "timing_rounds"):
        _checks.count(getattr(config, name), name, "with fewer there is nothing to do")
    _checks.count(config.spread_steps // 2, "spread_steps", "half of them are counted")
    flat = "a component with curvature 0 has no unique minimiser, and then no distance to it; take 0.05, the paper's"
    lowest = _checks.positive(config.lowest, "lowest", flat)
    if _checks.number(config.highest, "highest", "it is a curvature") < lowest:
        raise _checks.fail("highest", f"at least lowest={lowest:g}", config.highest, "eigenvalues lie between the two")
    _checks.positive(config.friction, "friction", "without friction the flow does not converge")
    _checks.positive(config.step_factor, "step_factor", "1 is rule (38)")
    for mass in config.masses:
        _checks.non_negative(mass, "masses", "0 removes momentum, nothing lies below")
    for ratio in config.ratios:
        if not 0 < _checks.number(ratio, "ratios", "it is what is left of the mass after a step") <= 1:
            raise _checks.fail("ratios", "in (0, 1]", ratio, "it is what is left of the mass after a step")
    for name in ("masses", "ratios"):
        if len(set(getattr(config, name))) < len(getattr(config, name)):
            raise _checks.fail(name, "different", getattr(config, name), "each is run once")
    _checks.positive(config.l2, "l2", "without it single components have no unique minimiser, and no distance to it")
    for problem in config.problems:
        check_regression(problem, config.l2)
    if len(set(config.problems)) < len(config.problems):
        raise _checks.fail("problems", "different", config.problems, "each is run once")
    if not _experiments(config):
        raise _checks.fail("random_problems", "at least 1", 0, "nothing else is asked for")
    populations = [config.components] if config.random_problems else []
    populations += [TITLES[name][1] for name in (*config.problems, *(["diabetes"] if config.spread_chains else []))]
    _checks.count(config.batch_size, "batch_size", "it is drawn without replacement", most=min(populations))
    check_workers(_num_workers(config))


def problems(config: Config) -> tuple[Setting, ...]:
    """What is minimised, as the theory sees it, for ``underdamped check``."""
    falls = "The step is the first one; it falls as 1/(n+1)."
    counted = " So n steps take about h·log n of time, and the mass is lost ever faster in time."
    first = config.step_factor * step_rule(config.highest, config.friction)
    masses = [(f"{mass:g}", mass, falls) for mass in config.masses]
    masses += [
        (f"{mass:g}·{ratio:g}ⁿ", _in_time(mass, ratio, first), falls + counted)
        for ratio in config.ratios for mass in config.masses if mass > 0 and ratio < 1
    ]  # fmt: skip
    figure = [
        Setting(f"Fig. 5, m = {name}", mass, config.friction, config.lowest, config.highest, step=first, remark=remark)
        for name, mass, remark in masses
    ]
    smoothness = {name: REGRESSIONS[name](config.l2)[2] for name in config.problems}
    real = [
        Setting(f"{name}, hSGMP by rule (38)", 9.0 / L, 1.0, config.l2, L, step=config.step_factor * step_rule(L))
        for name, L in smoothness.items()
    ]
    return (*(figure if config.random_problems else ()), *real)


def run(config: Config, run: Run) -> pl.DataFrame:
    """Do every experiment that is not recorded yet, one after the other.

    Args:
        config: what is asked for; see `check`.
        run: the open run directory. Records are written there after each experiment.

    Returns:
        The records, columns as in ``SCHEMA``.

    Raises:
        ValueError: If a value is out of range.
        OSError: If a file cannot be written, or a worker was killed.

    Warns:
        UserWarning: If steps are not below the stability limit; the study goes on, and shows what happens.
    """
    check(config)
    experiments = _experiments(config)
    run.add_facts(experiments=experiments)  # a report can then say what is missing
    concerns = list(_concerns(config))
    for concern in concerns:
        warnings.warn(concern, stacklevel=2)
    parts = {name: lambda name=name: frame(_compute(name, config, run)) for name in experiments}
    if concerns:
        told = frame(row(WARNINGS, concern, "assumption not met", 1.0) for concern in concerns)
        parts = {WARNINGS: lambda: told} | parts
    return record_parts(run, pl.col("experiment"), parts)


def _in_time(mass: float, ratio: float, first: float) -> Callable[[float], float]:
    """m·rⁿ as a function of time: with steps h/(n+1), n of them take about h·log(n+1)."""
    return lambda t: mass * ratio ** math.expm1(min(t / first, 50.0))  # no mass is left there, and nothing overflows


def _experiments(config: Config) -> list[str]:
    """What is to be done, in order."""
    figure = [figure5.EXPERIMENT] if config.random_problems else []
    return [*figure, *config.problems, *([settling.EXPERIMENT] if config.spread_chains else [])]


def _compute(name: str, config: Config, run: Run) -> list[Row]:
    """The rows of one experiment."""
    if name == figure5.EXPERIMENT:
        return figure5.figure5(_random(config), config.random_problems, run.checkpoints, _num_workers(config))
    if name == settling.EXPERIMENT:
        ladder = settling.Ladder(config.spread_chains, config.spread_steps, config.batch_size, config.l2, config.seed)
        return settling.settle(ladder)
    return comparison.compare(name, _plan(config))


def _concerns(config: Config) -> Iterator[str]:
    if config.random_problems:
        yield from figure5.warnings_of(_random(config))
    for problem in config.problems:
        yield from comparison.warnings_of(problem, _plan(config))


def _random(config: Config) -> figure5.Settings:
    return figure5.Settings(
        shape=Shape(config.dimension, config.components, config.lowest, config.highest),
        num_steps=config.iterations,
        batch_size=config.batch_size,
        friction=config.friction,
        masses=config.masses,
        ratios=config.ratios,
        factor=config.step_factor,
        seed=config.seed,
    )


def _plan(config: Config) -> Plan:
    return Plan(
        num_steps=config.steps,
        batch_size=config.batch_size,
        l2=config.l2,
        factor=config.step_factor,
        num_seeds=config.seeds,
        num_tuning_seeds=config.tuning_seeds,
        num_checkpoints=60,
        timing_rounds=config.timing_rounds,
        seed=config.seed,
    )


def _num_workers(config: Config) -> int:
    return num_cores() if config.workers is None else config.workers
