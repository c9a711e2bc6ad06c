"""Figs. 1, 2 and 4: a false minimiser is passed with enough mass, by the flow, the scheme, and under subsampling."""

import math
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
import polars as pl

from underdamped import _checks
from underdamped.schedules import PowerDecay
from underdamped.studies.false_minimum.boundary import flow_passes, passing_time, scheme_passes, split_can_pass
from underdamped.studies.false_minimum.rows import Row, frame, rows
from underdamped.studies.false_minimum.scheme import grid_of, outcomes
from underdamped.studies.false_minimum.subsampling import shares
from underdamped.studies.false_minimum.trajectories import (
    FLOWS,
    MASSES,
    closed_form,
    errors_on_the_parabola,
    in_the_well,
    on_the_parabola,
    potential,
    with_step,
    without_step,
)
from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run
from underdamped.studies.setting import Setting

_END = 5.0  # frictions and masses of the maps lie in [0, 5], as in Figure 4
_SHORTEST, _LONGEST = 20.0, 200.0  # how long the trajectories of Fig. 1 are followed
_NOT_MET = {
    "A1": "the gradient jumps at 0 (that of 2(max(x, 0) - 1)^2 from 0 to -4), so that none is Lipschitz there",
    "A2": "towards 0 from the left the gradient vanishes, though 0 is no minimiser: that is not quasi-strong convexity",
}
_FIGURE_2_TIMES = np.linspace(0.02, 4.0, 200)


@dataclass(frozen=True)
class Config:
    """Measure who passes the false minimiser of equation (5), and hold Fig. 2 against its closed forms."""

    friction: float = 1.0
    """Friction of the trajectories of Fig. 1."""
    masses: tuple[float, ...] = (0.05, 0.125, 0.25, 1.0)
    """Masses of these trajectories; the flow passes 0 above friction²/8."""
    start: float = -1.0
    """Where everything begins, at rest, left of 0."""
    grid: int = 100
    """Frictions, and as many masses, in the maps of Fig. 4: the middles of so many equal cells of [0, 5]."""
    bounds: tuple[float, ...] = (4.0, 40.0, 400.0)
    """L of the panels of Fig. 4, with the steps friction/L and 1/L."""
    rates: tuple[float, ...] = (1.0, 10.0, 100.0, math.inf)
    """Rates of switching between the two terms; inf is the full gradient."""
    subsampling_grid: int = 25
    """Frictions, and as many masses, in the maps under subsampling."""
    paths: int = 400
    """Paths at each point of those maps."""
    duration: float = 80.0
    """How long they are followed."""
    step: float = 0.05
    """Longest step of their integrator, exponential Heun."""
    seed: int = 0
    """Of the switching."""


QUICK = Config(grid=20, bounds=(4.0, 40.0), rates=(1.0, 30.0, math.inf), subsampling_grid=8, paths=100, duration=50.0)
"""The defaults with ``--quick``: coarse maps of everything."""


def check(config: Config) -> None:
    """Refuse what cannot be measured, before anything is written.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a number is out of range.
    """
    _checks.positive(config.friction, "friction", "without friction the flow does not converge")
    for mass in config.masses:
        _checks.non_negative(mass, "masses", "0 removes momentum, nothing lies below")
    if not _checks.number(config.start, "start", "it is a position") < 0:
        raise _checks.fail("start", "negative", config.start, "the false minimiser 0 must lie on the way to 1/2")
    for bound in config.bounds:
        if not 2 <= _checks.number(bound, "bounds", "each is an L, a bound of the curvature") <= 1e4:
            way_out = "below 2 no mass is needed to jump over 0; above the flow itself is the better tool"
            raise _checks.fail("bounds", "in [2, 10000]", bound, way_out)
    for name in ("grid", "subsampling_grid", "paths"):
        _checks.count(getattr(config, name), name, "with fewer there is nothing to see")
    for rate in config.rates:
        if rate != math.inf:
            _checks.non_negative(rate, "rates", "0 never switches, inf is the full gradient")
    for name, values in (("bounds", config.bounds), ("rates", config.rates), ("masses", config.masses)):
        if not values or len({f"{value:g}" for value in values}) < len(values):
            way_out = "each is measured once, and named by its first six digits"
            raise _checks.fail(name, "different numbers, at least one", values, way_out)
    _checks.positive(config.duration, "duration", "it is a length of time")
    _checks.positive(config.step, "step", "it is a length of time")
    if config.seed < 0:
        raise _checks.fail("seed", "non-negative", config.seed, "it is the seed of JAX keys")


def problems(config: Config) -> tuple[Setting, ...]:
    """What `underdamped check escape` puts before the theory.

    Args:
        config: as for ``run``.

    Returns:
        The two branches of the potential, the parabola of Fig. 2, and what subsampling sees.
    """
    kink = "Of the piece alone. The best mass left of 0 is where passing begins."
    split = "Left of 0 the terms have curvatures 0 and 4; right of it both have 4, with minimisers 1 and 0."
    return (
        *(
            Setting("Fig. 1, left of 0", m, config.friction, 2.0, 2.0, remark=kink, not_met=_NOT_MET, case=f"m = {m:g}")
            for m in config.masses
        ),
        *(
            Setting("Fig. 4, right of 0", 1.0, 1.0, 4.0, 4.0, 1 / L, not_met=_NOT_MET, case=f"panel {L:g}: h = 1/{L:g}")
            for L in config.bounds
        ),
        Setting("Fig. 2", 1.0, 1.0, 1.0, 1.0, case="constant mass"),
        Setting("Fig. 2", PowerDecay(1.0, rate=1.0), 1.0, 1.0, 1.0, case="decreasing mass"),
        *(
            Setting("one term at a time", 1.0, 1.0, None, 4.0, config.step, r, split, _NOT_MET, f"rate {r:g}")
            for r in config.rates
        ),
    )


def concerns() -> tuple[str, ...]:
    """The assumptions that this potential does not meet, whatever the configuration.

    Returns:
        One sentence each, which names the assumption.

    Example:
        >>> [concern[:16] for concern in concerns()]
        ['A1 does not hold', 'A2 does not hold']
    """
    return tuple(f"{name} does not hold: {reason}. The study goes on without it." for name, reason in _NOT_MET.items())


def run(config: Config, run: Run) -> pl.DataFrame:
    """Measure all of it, but not again what the run has recorded already.

    Args:
        config: what is asked for; see `check`.
        run: the open run directory. Records are written there after each experiment.

    Returns:
        The records, columns as in ``SCHEMA``.

    Raises:
        ValueError: If the configuration is out of range.
        OSError: If a file cannot be written.

    Warns:
        UserWarning: A1 and A2 do not hold; the study goes on.
    """
    check(config)
    for concern in concerns():
        warnings.warn(concern, stacklevel=2)
    parts = {
        name: lambda name=name, measure=measure: frame(name, measure(config))
        for name, measure in _experiments(config).items()
    }
    return record_parts(run, pl.col("experiment"), parts)


def _experiments(config: Config) -> dict[str, Callable[[Config], list[Row]]]:
    """What is recorded at once, by name."""
    panels = {f"figure 4, L = {L:g}": lambda config, L=L: _figure_4(config, L) for L in config.bounds}
    maps = {f"subsampling, rate {r:g}": lambda config, r=r: _subsampling(config, r) for r in config.rates}
    return {"assumptions": _assumptions, "figure 1": _figure_1, "figure 2": _figure_2} | panels | maps


def _assumptions(config: Config) -> list[Row]:
    del config
    return [row for concern in concerns() for row in rows(concern, "assumption not met", None, [1.0])]


def _figure_1(config: Config) -> list[Row]:
    positions = np.linspace(min(config.start, -1.0), 1.5, 251)
    found = rows("", "potential", positions, potential(positions)) + rows("", "friction", None, [config.friction])
    passing = [passing_time(mass, config.friction) for mass in config.masses]
    # As long as every mass needs that passes; close to the boundary that is without bound, and the page leaves it out.
    needed = 1.25 * max((time for time in passing if 1.25 * time <= _LONGEST), default=0.0)
    times = np.linspace(0, max(_SHORTEST, needed), 401)[1:]
    for mass, when in zip(config.masses, passing, strict=True):
        path = in_the_well(mass, config.friction, config.start, times, step=1e-3)
        found += rows(f"m = {mass:g}", "position", np.insert(times, 0, 0.0), np.insert(path, 0, config.start))
        found += rows(f"m = {mass:g}", "passes, predicted", mass, float(flow_passes(mass, config.friction)))
        found += rows(f"m = {mass:g}", "time of passing, predicted", mass, when)
    return found


def _figure_2(config: Config) -> list[Row]:
    del config
    # Saved at whole multiples of the longest step, so that all steps are of the length that is named.
    steps, times, found = [0.2 / 2**k for k in range(6)], _FIGURE_2_TIMES[9::10], []
    for mass in MASSES:
        found += rows(mass, "position, closed form", _FIGURE_2_TIMES, closed_form(mass, _FIGURE_2_TIMES))
        paths = on_the_parabola(mass, with_step(steps[0]), times)
        found += rows(mass, "position, scheme with h = 0.2", times, paths["semi-implicit Euler (36)"])
        errors = [errors_on_the_parabola(mass, with_step(step), times) for step in steps]
        for name in FLOWS:
            found += rows(f"{mass}: {name}", "largest error", steps, [error[name] for error in errors])
        for name, error in errors_on_the_parabola(mass, without_step(mass), times).items():
            found += rows(f"{mass}: {name}", "largest error", None, [error])
    return found


def _figure_4(config: Config, bound: float) -> list[Row]:
    found = []
    for rule, step in {"h = α/L": lambda a: a / bound, "h = 1/L": lambda a: np.full_like(a, 1 / bound)}.items():
        steps, masses, frictions = grid_of(config.grid, _END, step)
        ends = outcomes(steps, masses, frictions, config.start)
        scheme = np.vectorize(scheme_passes, otypes=[float])(steps, masses, frictions)
        flow = np.vectorize(flow_passes, otypes=[float])(masses, frictions)
        for quantity, values in {"outcome": ends, "passes, scheme": scheme, "passes, flow": flow}.items():
            found += rows(rule, quantity, frictions, values, masses)
    return found


def _subsampling(config: Config, rate: float) -> list[Row]:
    """All points share the index paths: differences between them are not those of two draws."""
    _, masses, frictions = grid_of(config.subsampling_grid, _END, np.zeros_like)
    key = jax.random.fold_in(jax.random.key(config.seed), zlib.crc32(f"rate {rate:g}".encode()))
    measured = np.array(
        [
            shares(mass, friction, rate, config.start, config.duration, config.step, config.paths, key)
            for mass, friction in zip(masses.flat, frictions.flat, strict=True)
        ]
    ).reshape(*masses.shape, 3, 3)
    found = rows(f"rate {rate:g}", "duration", None, [config.duration])
    quantities = ("share passed, half", "share passed, end", "share right of 0, end")
    for place, quantity in enumerate(quantities):
        value, low, high = np.moveaxis(measured[..., place, :], -1, 0)
        found += rows(f"rate {rate:g}", quantity, frictions, value, masses, low, high)
    for quantity, exact in {
        "passes, flow": flow_passes,
        "time of passing, flow": passing_time,
        "can pass, split": split_can_pass,
    }.items():
        values = np.vectorize(exact, otypes=[float])(masses, frictions)
        found += rows(f"rate {rate:g}", quantity, frictions, values, masses)
    return found
