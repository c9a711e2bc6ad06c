"""The stationary spread of constant steps on the ridge problem: measured, exact, and to leading order in the step."""

from dataclasses import dataclass

import jax
import numpy as np

from underdamped.process import Quadratic
from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.regressions import load_regression
from underdamped.studies.descent.rows import Row, mean_with_interval, row
from underdamped.studies.descent.spread import batch_noise, exact_spread, leading_spread, measured_spread

EXPERIMENT = "stationary spread"
_PURPOSE = 2  # of the random stream
_SHOWN_FACTORS = np.geomspace(0.125, 16.0, 15)


@dataclass(frozen=True)
class Ladder:
    r"""Which steps and masses are measured.

    Attributes:
        num_chains: independent runs of each.
        num_steps: of each run; the first half is not counted.
        batch_size: $\ell$.
        l2: $\lambda$.
        factors: $hL$ of the steps. From 2 on they are beyond the limit of the stiffest component at mass 0; the scheme
            settles all the same while they are below that of the mean, whose curvature is far less.
        masses: $mL$ of the masses.
        seed: of the batches.
    """

    num_chains: int
    num_steps: int
    batch_size: int
    l2: float
    seed: int
    factors: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    masses: tuple[float, ...] = (0.0, 1.0, 9.0)


def settle(ladder: Ladder) -> list[Row]:
    """Measure the spread for every step and mass, and how it grows with the step.

    Args:
        ladder: what is measured.

    Returns:
        Rows of the experiment.
    """
    with jax.enable_x64(True):
        problem = load_regression("diabetes", ladder.l2)
        target, minimizer = problem.target, problem.minimum.position
        assert isinstance(target, Quadratic)
        rule = 1.0 / problem.smoothness
        pairs = [(factor * rule, mass * rule) for mass in ladder.masses for factor in ladder.factors]
        shape = (ladder.num_steps, ladder.num_chains)
        generator = np.random.default_rng([ladder.seed, _PURPOSE])
        batches = draw_batches(generator, problem.num_components, ladder.batch_size, shape)
        steps, masses = zip(*pairs, strict=True)
        found = measured_spread(target, minimizer, steps, masses, batches, burn_in=ladder.num_steps // 2)
        noise = batch_noise(target, minimizer, ladder.batch_size)
    rows = [
        row(EXPERIMENT, "leading order", "predicted spread", leading_spread(noise, h), x=h * problem.smoothness)
        for h in _SHOWN_FACTORS * rule
    ]
    logs = np.log(ladder.factors)
    for mass, values in zip(ladder.masses, found.reshape(len(ladder.masses), len(logs), -1), strict=True):
        name = series(mass)
        for factor in _SHOWN_FACTORS:
            exact = exact_spread(noise, factor * rule, mass * rule)
            rows.append(row(EXPERIMENT, name, "exact spread", exact, x=factor))
        expected = [exact_spread(noise, factor * rule, mass * rule) for factor in ladder.factors]
        for factor, exact, chains in zip(ladder.factors, expected, values, strict=True):
            mean, interval = mean_with_interval(chains)
            rows.append(row(EXPERIMENT, name, "measured spread", mean, x=factor, interval=interval))
            rows.append(row(EXPERIMENT, name, "exact spread at a measured step", exact, x=factor))
        # One slope a chain: the chains are independent, what a chain shows at two steps is not (it has one batch row).
        slopes = [np.polyfit(logs, np.log(chain), 1)[0] for chain in values.T]
        slope, interval = mean_with_interval(slopes)
        rows.append(row(EXPERIMENT, name, "slope", slope, interval=interval))
        rows.append(row(EXPERIMENT, name, "exact slope", np.polyfit(logs, np.log(expected), 1)[0]))
    return rows


def series(mass: float) -> str:
    """The method with mass m = ``mass``/L in words."""
    return "SGD" if mass == 0 else f"hSGMP m={mass:g}/L"
