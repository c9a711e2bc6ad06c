r"""Theorem 5: as subsampling speeds up, $\nu \to 0$, hSGMP tends to the underdamped gradient flow."""

import math

import numpy as np
from jax import Array

from underdamped.process import Ensemble, UniformSwitching, simulate_ensemble
from underdamped.process.distances import mean_interval, path_metric
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import Row, judged, row
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.slopes import slope, smallest

HORIZON, SAVED = 10.0, 401
"""End of the paths, and how many times of them are compared; what the metric cannot see then is below exp(-10)."""

PREDICTED, TOLERANCE = 0.5, 0.05
"""The exponent of a central limit theorem. The paper proves convergence, without a rate."""

SMALL = 0.03
"""Largest ν that counts for the slopes: beyond it the distances are no longer small against 1, where ρ is cut off."""

POSITIONS, STATES, METRIC = "E sup |Δq|", "E sup |Δ(q, p)|", "E ρ"
"""The three distances; Δ is the difference to the underdamped gradient flow."""


def theorem_5(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""Distances of hSGMP(i), $m = \alpha = 1$, from the flow with the full gradient, against $\nu$.

    The index is $i(t/\nu)$ with $N\gamma = 1$, so redrawn at the rate $1/\nu$. All $\nu$ take the same Poisson ticks,
    faster: path $j$ is one path for all of them. Three distances, over ``SAVED`` times up to ``HORIZON``: of the
    positions, of the states, and the metric $\rho$ in which the theorem is stated.

    Args:
        problem: the target; convexity is not needed.
        config: ``nu`` and the sizes of ensembles.
        key: JAX key.

    Returns:
        The distances with intervals, and the slope of each in $\nu$ beside 1/2.
    """
    num_paths, times = config.num_paths(problem.name), np.linspace(0.0, HORIZON, SAVED)

    def states(rate: float, num_paths: int) -> np.ndarray:
        ensemble = simulate_ensemble(
            problem.target,
            UniformSwitching(problem.num_components, rate),
            mass=1.0,
            position=problem.start,
            times=times,
            key=key,
            flow=problem.flow,
            num_paths=num_paths,
        )
        return _states(ensemble)

    limit = states(math.inf, 1)
    found: dict[str, list[np.ndarray]] = {POSITIONS: [], STATES: [], METRIC: []}
    for nu in config.nu:
        paths = states(1 / nu, num_paths)
        gap, K = paths - limit, limit.shape[-1] // 2
        found[POSITIONS].append(np.linalg.norm(gap[..., :K], axis=-1).max(1))
        found[STATES].append(np.linalg.norm(gap, axis=-1).max(1))
        found[METRIC].append(path_metric(paths, np.broadcast_to(limit, paths.shape), times).distance)
    rows = []
    for series, values in found.items():
        for nu, each in zip(config.nu, values, strict=True):
            mean = mean_interval(each)
            rows.append(row(series, "distance", mean.value, x=nu, low=mean.low, high=mean.high, paths=num_paths))
        small = smallest(config.nu, SMALL)
        fitted = [config.nu[k] for k in small]
        measured = slope(fitted, [values[k] for k in small], paired=True, seed=config.seed)
        accepted = (PREDICTED - TOLERANCE, PREDICTED + TOLERANCE)
        rows += judged(series, f"slope in ν ≤ {max(fitted):g}", measured, PREDICTED, accepted, paths=num_paths)
    return rows


def _states(ensemble: Ensemble) -> np.ndarray:
    """Position and velocity of whole paths together, (M, T, 2K)."""
    assert ensemble.position is not None and ensemble.velocity is not None  # noqa: PT018  (no statistics were asked for)
    return np.concatenate([ensemble.position, ensemble.velocity], axis=-1)
