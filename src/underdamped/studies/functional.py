"""The predecessor's regression with functional data: its seven index processes, then the same with momentum."""

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import polars as pl
from scipy import stats

from underdamped import _checks, stability_limit
from underdamped.schedules import ExponentialDecay, Schedule
from underdamped.studies.continuous_data.descent import Errors, descend, plan_steps
from underdamped.studies.continuous_data.indices import RATES, SGD, index_processes
from underdamped.studies.continuous_data.moments import mean_square_growth, stationary_error
from underdamped.studies.continuous_data.published import PUBLISHED
from underdamped.studies.continuous_data.readings import ALTERNATIVES, TAKEN, Reading
from underdamped.studies.continuous_data.regression import DEGREE
from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run
from underdamped.studies.setting import Setting
from underdamped.theory import check_assumptions

SCHEMA: dict[str, type[pl.DataType]] = {
    "experiment": pl.String,
    "series": pl.String,
    "quantity": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "method": pl.String,
}
"""Columns of the records; ``series`` is the index process, ``low`` and ``high`` a 95 % interval of ``value``."""

NO_MASS = "SGP"
"""The method of the published table: mass 0, the scheme of the stochastic gradient process."""

_MIN_CURVATURE, _MAX_CURVATURE = 1e-4, DEGREE + 1 + 1e-4  # of every component, the second at the interval's ends
_SAVED = 60  # errors are kept after about so many numbers of steps, evenly spaced on a log axis
_Row = dict[str, Any]


@dataclass(frozen=True)
class Config:
    """Seven index processes, many runs, no mass and several masses side by side, all from the same index paths."""

    runs: int = 100
    """Runs of each index process."""
    steps: int = 50_000
    """Steps of each run."""
    step_size: float = 0.1
    """Step h of the parameters; so much time passes for the index in a step."""
    masses: tuple[float, ...] = (0.1, 1.0, 10.0)
    """Masses, each constant (hSGMP) and lost over time (dmSGMP)."""
    mass_loss: float = 0.002
    """Rate λ at which the latter fall, m e^(-λt)."""
    readings: bool = True
    """Run the published table in the other readings of its text too."""
    noise_seed: int = 0
    """Of the data's noise, which is the same in all runs."""
    seed: int = 0
    """Of the index processes."""


QUICK = Config(runs=20, masses=(1.0, 10.0), readings=False)
"""The defaults with ``--quick``: the published table from fewer runs, and two masses."""


def check(config: Config) -> None:
    """Refuse what cannot be run, before anything is written.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a number is out of range.
    """
    if _checks.count(config.runs, "runs", "it is a number of runs") < 2:
        raise _checks.fail("runs", "at least 2", config.runs, "one run has no spread")
    _checks.count(config.steps, "steps", "it is a number of steps", most=10**8)
    _checks.positive(config.step_size, "step_size", "it is a length of time")
    for mass in config.masses:
        _checks.positive(mass, "masses", "0 is in the table anyway")
    if len(set(config.masses)) < len(config.masses):
        raise _checks.fail("masses", "different", config.masses, "each is run once")
    _checks.positive(config.mass_loss, "mass_loss", "it is the rate at which a mass is lost")
    for name in ("noise_seed", "seed"):
        if getattr(config, name) < 0:
            raise _checks.fail(name, "non-negative", getattr(config, name), "it is a seed")


def problems(config: Config) -> tuple[Setting, ...]:
    """What is minimised, as the theory sees it, for ``underdamped check``."""
    remark = "L is the curvature at the ends of the interval. The processes of the index differ, so no rate is stated."
    return tuple(
        Setting(name, mass, min_curvature=_MIN_CURVATURE, max_curvature=_MAX_CURVATURE, step=config.step_size,
                remark=remark)
        for name, mass in _methods(config).items()
    )  # fmt: skip


def run(config: Config, run: Run) -> pl.DataFrame:
    """Do every experiment that is not recorded yet, one after the other.

    Args:
        config: what is asked for; see `check`.
        run: the open run directory. Records are written there after each experiment.

    Returns:
        The records, columns as in ``SCHEMA``.

    Raises:
        ValueError: If a number is out of range.
        OSError: If a file cannot be written.

    Warns:
        UserWarning: If the step is not below the stability limit of a mass, or the theorems on losing momentum do not
            cover it; the study goes on.
    """
    check(config)
    run.add_facts(concerns=concerns(config))
    for concern in concerns(config):
        warnings.warn(concern, stacklevel=2)
    parts = {
        name: lambda name=name, measure=measure: pl.DataFrame([_blank(name) | row for row in measure()], schema=SCHEMA)
        for name, measure in _experiments(config).items()
    }
    return record_parts(run, pl.col("experiment"), parts)


def concerns(config: Config) -> list[str]:
    """Steps beyond the stability limit, and what theorems ask of a mass that it does not have, one sentence each."""
    found = []
    for name, mass in _methods(config).items():
        # A mass that is lost is judged by the limit without mass, the least of them, to which it comes in the end.
        limit = float(stability_limit(_MAX_CURVATURE, 0.0 if callable(mass) else mass))
        if config.step_size >= limit:
            found.append(
                f"the step h = {config.step_size:g} of {name} is not below the stability limit {limit:.3g} at the ends "
                f"of the interval, where the curvature is {_MAX_CURVATURE:g}; what diverges is shown as such"
            )
    for mass in config.masses:
        lost = ExponentialDecay(mass, config.mass_loss)
        verdicts = check_assumptions(lost, min_curvature=_MIN_CURVATURE, max_curvature=_MAX_CURVATURE)
        slow = next(each for each in verdicts if each.assumption == "A3")
        if not slow.holds:
            found.append(f"A3 fails for {_lost(mass, config)}: {slow.words}")
        elif config.mass_loss > _MIN_CURVATURE / 4:
            found.append(f"Theorem 15 does not cover {_lost(mass, config)}: {slow.words}")
    return found


def _experiments(config: Config) -> dict[str, Callable[[], list[_Row]]]:
    """What is recorded at once, by name."""
    found: dict[str, Callable[[], list[_Row]]] = {
        "exact moments": lambda: _exact(config),
        "masses": lambda: _masses(config),
    }
    if config.readings:
        found |= {f"reading: {each.name}": lambda each=each: _reading(each, config) for each in ALTERNATIVES}
    return found


def _methods(config: Config) -> dict[str, float | Schedule]:
    methods: dict[str, float | Schedule] = {NO_MASS: 0.0}
    methods |= {f"hSGMP, m = {mass:g}": mass for mass in config.masses}
    return methods | {_lost(mass, config): ExponentialDecay(mass, config.mass_loss) for mass in config.masses}


def _lost(mass: float, config: Config) -> str:
    return f"dmSGMP, m = {'' if mass == 1 else f'{mass:g} '}e^(−{config.mass_loss:g}t)"


def _descend(reading: Reading, masses: Iterable[float | Schedule], saved: list[int], config: Config) -> Errors:
    index_step = reading.index_steps * config.step_size
    return descend(
        reading.regression(config.noise_seed, config.runs),
        list(index_processes(index_step, projected_substeps=reading.projected_substeps).values()),
        plan_steps(reading.step_sizes(config.step_size, config.steps), list(masses)),
        index_step=index_step,
        saved=saved,
        runs=config.runs,
        key=jax.random.key(config.seed),
        implicit=reading.implicit,
    )


def _masses(config: Config) -> list[_Row]:
    """Every method with every index process: errors on the way, and of each run at the end."""
    methods, saved = _methods(config), _saved_steps(config.steps)
    errors = _descend(TAKEN, methods.values(), saved, config)
    rows = []
    for m, method in enumerate(methods):
        for i, index in enumerate(PUBLISHED):
            which = {"series": index, "method": method}
            for quantity, values in (("error", errors.relative), ("distance to SGP", errors.apart)):
                if method != NO_MASS or quantity == "error":
                    rows += [which | {"quantity": quantity, "x": n * config.step_size} | _mean(values[t, m, i])
                             for t, n in enumerate(saved)]  # fmt: skip
            rows += [which | {"quantity": "final error", "x": float(r), "value": float(value)}
                     for r, value in enumerate(errors.relative[-1, m, i])]  # fmt: skip
    for index, (mean, sd) in PUBLISHED.items():
        rows += [{"series": index, "method": NO_MASS, "quantity": "published mean", "value": mean},
                 {"series": index, "method": NO_MASS, "quantity": "published sd", "value": sd}]  # fmt: skip
    return rows


def _exact(config: Config) -> list[_Row]:
    """What is known without simulation: stationary errors without mass, and where masses are mean-square unstable."""
    regression = TAKEN.regression(config.noise_seed, config.runs)
    keeps = {SGD: 0.0} | {f"pure jump λ={rate:g}": math.exp(-rate * config.step_size) for rate in RATES}
    rows = []
    for index, keep in keeps.items():
        error = stationary_error(regression, step_size=config.step_size, keep=keep)
        rows.append({"series": index, "method": NO_MASS, "quantity": "stationary error", "value": error})
        for method, mass in _methods(config).items():
            if not callable(mass):
                growth = mean_square_growth(regression, step_size=config.step_size, mass=mass, keep=keep)
                rows.append({"series": index, "method": method, "quantity": "growth", "value": growth})
    return rows


def _reading(reading: Reading, config: Config) -> list[_Row]:
    """The published table in another reading, without mass."""
    errors = _descend(reading, [0.0], [config.steps], config).relative[-1, 0]
    rows = []
    for index, final in zip(PUBLISHED, errors, strict=True):
        which = {"series": index, "method": NO_MASS}
        rows += [
            which | {"quantity": "mean"} | _mean(final),
            which | {"quantity": "sd", "value": float(final.std(ddof=1))},
        ]
    return rows


def _saved_steps(steps: int) -> list[int]:
    return sorted({round(n) for n in np.geomspace(1, steps, _SAVED)})


def _mean(values: np.ndarray) -> _Row:
    """Mean over runs with its 95 % t-interval; no interval if a run has diverged."""
    mean = float(values.mean())
    if not np.isfinite(values).all():
        return {"value": mean}
    margin = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return {"value": mean, "low": mean - margin, "high": mean + margin}


def _blank(experiment: str) -> _Row:
    return dict.fromkeys(SCHEMA) | {"experiment": experiment}
