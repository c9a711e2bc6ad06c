"""Where the process settles at constant mass and rate: the stationary spread, over the plane of mass and rate."""

import jax
import numpy as np
import scipy.stats
from jax import Array

from underdamped.process import UniformSwitching, mean_square_abscissa, simulate_ensemble, stationary_moments
from underdamped.studies.theorems.averaging import averaged_spread
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import FEWEST_FOR_EXTREMES, Row, judged, row
from underdamped.studies.theorems.settings import Config

SPREAD = "stationary E|q − θ*|²"
_FORGOTTEN = 14.0
"""Relaxation times simulated: the start is left to one part in e^14 of the second moments."""


def spread(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""Stationary $E|q - \theta^*|^2$, from the moment equations and from ensembles, with the score of their gap.

    The ensembles start at $\theta^*$. Under the hypothesis that both agree the scores are standard normal, so the sum
    of their squares is $\chi^2$ with one degree of freedom a point, and the probability of a larger one is recorded.

    Args:
        problem: the quadratic.
        config: of the ensembles and the grid.
        key: JAX key.

    Returns:
        Three rows a point of the plane (abscissa the mass, ordinate the rate), and comparisons.
    """
    M = config.num_paths(problem.name)
    rows, scores = [], []
    for number, (mass, rate) in enumerate(_plane(config.grid)):
        index = UniformSwitching(problem.num_components, rate)
        decay = -mean_square_abscissa(problem.target, index, mass=mass)
        if decay <= 0:
            continue
        exact = _squared_distance(problem, index, mass)
        ensemble = simulate_ensemble(
            problem.target,
            index,
            mass=mass,
            position=problem.minimizer,
            times=[_FORGOTTEN / decay],
            key=jax.random.fold_in(key, number),
            flow=problem.flow,
            num_paths=M,
        )
        squares = np.sum((np.asarray(ensemble.position)[:, 0] - np.asarray(problem.minimizer)) ** 2, axis=-1)
        mean, error = squares.mean(), squares.std(ddof=1) / np.sqrt(M)
        scores.append((mean - exact) / error)
        low, high = mean - 1.96 * error, mean + 1.96 * error
        rows += [
            row("exact", SPREAD, exact, x=mass, y=rate),
            row("ensemble", SPREAD, mean, x=mass, y=rate, low=low, high=high, paths=M),
            row("ensemble", "score", scores[-1], x=mass, y=rate, paths=M),
        ]
    # Far beyond the time scales of the flow the spread is that of an averaged, white noise, whatever the mass.
    rows.append(row("averaging", "spread times rate", averaged_spread(problem)))
    n, size = len(scores), {"paths": M, "fewest": FEWEST_FOR_EXTREMES}
    largest = float(scipy.stats.norm.isf(0.005 / n))
    chance = float(scipy.stats.chi2.sf(np.square(scores).sum(), n))
    worst = float(np.abs(scores).max())
    sum_of_squares = f"chance of a larger sum of z², {n} points"
    return [
        *rows,
        *judged("ensembles", f"largest score |z| of {n} points", worst, None, (0.0, largest), **size),
        *judged("ensembles", sum_of_squares, chance, None, (0.005, 1.0), **size),
    ]


def _plane(size: int) -> list[tuple[float, float]]:
    masses, rates = np.geomspace(0.01, 10.0, size), np.geomspace(0.1, 100.0, size)
    return [(float(mass), float(rate)) for rate in rates for mass in masses]


def _squared_distance(problem: Problem, index: UniformSwitching, mass: float) -> float:
    mean, cov = stationary_moments(problem.target, index, mass=mass)
    K = len(problem.minimizer)
    gap = mean[:K] - np.asarray(problem.minimizer)
    return float(gap @ gap + np.trace(cov[:K, :K]))
