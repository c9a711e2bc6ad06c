"""Every theorem measured: Theorems 5, 6, 15 and 18, Proposition 22, Lemma 32, and the long run at constant mass."""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import jax
import polars as pl
from jax import Array

from underdamped import _checks
from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run
from underdamped.studies.theorems.beforehand import problems
from underdamped.studies.theorems.corollary19 import corollary19
from underdamped.studies.theorems.instability import instability
from underdamped.studies.theorems.longrun import longrun
from underdamped.studies.theorems.lyapunov import lyapunov
from underdamped.studies.theorems.problems import PROBLEMS, Problem
from underdamped.studies.theorems.rows import Row, frame, row
from underdamped.studies.theorems.settings import PROBLEM_NAMES, QUICK, Config
from underdamped.studies.theorems.spread import spread
from underdamped.studies.theorems.theorem5 import theorem_5
from underdamped.studies.theorems.theorem6 import theorem_6
from underdamped.studies.theorems.theorem15 import theorem_15

__all__ = ["EXPERIMENTS", "QUICK", "Config", "Experiment", "check", "problems", "run"]


@dataclass(frozen=True)
class Experiment:
    """One theorem and how it is measured.

    Attributes:
        name: as on the command line and in the records.
        measure: from a problem, the configuration and a JAX key to rows, in double precision.
        problems: on which problems it is measured.
    """

    name: str
    measure: Callable[[Problem, Config, Array], list[Row]]
    problems: tuple[str, ...] = PROBLEM_NAMES


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment("theorem5", theorem_5),
    Experiment("theorem6", theorem_6),
    Experiment("theorem15", theorem_15),
    Experiment("lyapunov", lyapunov),
    Experiment("longrun", longrun),
    Experiment("spread", spread, ("quadratic",)),
    Experiment("instability", instability, ("quadratic",)),
    Experiment("corollary19", corollary19),
)
"""All of them, in the order of the report."""


def check(config: Config) -> None:
    """Refuse what cannot be measured, before anything is written.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a name is unknown or given twice, or an ensemble has fewer than two paths.
    """
    for argument, names, known in (
        ("experiments", config.experiments, [one.name for one in EXPERIMENTS]),
        ("problems", config.problems, list(PROBLEMS)),
    ):
        for name in names:
            if name not in known:
                raise _checks.fail(argument, "made of known names", name, _checks.suggestion(name, known))
        if len(set(names)) < len(names):
            raise _checks.fail(argument, "without repetition", names, "each is measured once")
    if not config.problems:
        raise _checks.fail("problems", "at least one", config.problems, f"choose from {', '.join(PROBLEMS)}")
    if not _jobs(config):
        way_out = "spread and instability are measured on the quadratic alone"
        bound = f"among those of an experiment asked for ({', '.join(config.experiments)})"
        raise _checks.fail("problems", bound, config.problems, way_out)
    sizes = ("paths", "logistic_paths", "long_paths", "logistic_long_paths", "coupled_paths", "map_paths",
             "starts", "logistic_starts")  # fmt: skip
    for argument in sizes:
        if getattr(config, argument) < 2:
            raise _checks.fail(argument, "at least 2", getattr(config, argument), "one path has no spread")
    for argument in ("nu", "masses"):
        values = getattr(config, argument)
        if len(values) < 2 or len(set(values)) < len(values) or not all(0 < value <= 1 for value in values):
            raise _checks.fail(argument, "two or more different numbers in (0, 1]", values, "a slope is fitted to them")
    if config.grid < 2:
        raise _checks.fail("grid", "at least 2", config.grid, "a map has two rows and two columns at least")
    _checks.count(config.choices, "choices", "the paper's comes first", most=6)
    least = 40 if "logistic" in config.problems else 10
    if not _checks.number(config.horizon, "horizon", "it is a length of time") >= least:
        way_out = "sooner the start is not forgotten on all problems"
        raise _checks.fail("horizon", f"at least {least}", config.horizon, way_out)
    if not _checks.number(config.decays, "decays", "it is a number of decay times") >= 2:
        raise _checks.fail("decays", "at least 2", config.decays, "before that the start is not forgotten")
    if config.seed < 0:
        raise _checks.fail("seed", "non-negative", config.seed, "it is the seed of JAX keys")


def run(config: Config, run: Run) -> pl.DataFrame:
    """Measure what the configuration asks for, but not again what the run has recorded already.

    Args:
        config: what is asked for; see `check`.
        run: the open run directory. Records are written there after each experiment.

    Returns:
        The records, columns as in ``theorems.rows.SCHEMA``.

    Raises:
        ValueError: If the configuration is out of range.
        OSError: If a file cannot be written.
    """
    check(config)
    parts = {
        f"{one.name}, {name}": lambda one=one, name=name: _measure(one, name, config) for one, name in _jobs(config)
    }
    return record_parts(run, pl.concat_str("experiment", "problem", separator=", "), parts)


def _jobs(config: Config) -> list[tuple[Experiment, str]]:
    """What is measured, on what."""
    chosen = [one for one in EXPERIMENTS if not config.experiments or one.name in config.experiments]
    return [(one, name) for one in chosen for name in one.problems if name in config.problems]


def _measure(experiment: Experiment, problem: str, config: Config) -> pl.DataFrame:
    """One experiment in double precision, with a key of its own: the same whichever others are measured."""
    began = time.monotonic()
    with jax.enable_x64(True):
        name = f"{experiment.name}/{problem}".encode()
        key = jax.random.fold_in(jax.random.key(config.seed), zlib.crc32(name))
        rows = experiment.measure(PROBLEMS[problem](), config, key)
    rows.append(row("", "seconds", time.monotonic() - began))
    return frame({"experiment": experiment.name, "problem": problem} | one for one in rows)
