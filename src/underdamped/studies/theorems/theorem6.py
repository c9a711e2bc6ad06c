r"""Theorem 6 and Remark 7: as the mass vanishes, $m \to 0$, hSGMP(ii) tends to the process without momentum."""

import math

import numpy as np
from jax import Array

from underdamped.process import Dynamics, UniformSwitching, simulate_coupled_ensemble, simulate_ensemble
from underdamped.process.distances import mean_interval
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import Row, curve, judged, row
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.slopes import slope, smallest
from underdamped.theory import mass_gap, sgp_gradient_bound

HORIZON, SAVED = 5.0, 401
"""End of the paths, and how many times of them are compared."""

POWERS = (0.0, 0.5)
r"""The $\delta$ of $\nu = m^\delta$: a fixed index, and one that is the faster the smaller the mass."""

TOLERANCE = 0.05
SMALL = 1e-3
"""Largest mass that counts for the slopes, which are claims about small ones."""


def theorem_6(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""Distance of hSGMP(ii) from SGP on the same index path, and from the full gradient flow, against $m$.

    $\alpha = 1$, $p_0 = 0$, $\nu = m^\delta$ with $N\gamma = 1$: the index is redrawn at the rate $m^{-\delta}$. The
    paper bounds $E\sup_t|q - \theta|$ by $O(m^{1-\delta})$; the bound derived here, `theory.mass_gap`, by $K m$ on
    *every* index path, whatever $\delta$. For $\delta > 0$ the limit of both is the full gradient flow (Remark 7), at
    a distance of order $\sqrt\nu = m^{\delta/2}$ if a central limit theorem holds.

    Args:
        problem: the target.
        config: ``masses`` and the sizes of ensembles.
        key: JAX key.

    Returns:
        The distances with intervals, the bound $K m$, and slopes in $m$ beside their predictions.
    """
    num_paths, times = config.num_paths(problem.name), np.linspace(0.0, HORIZON, SAVED)
    N, start = problem.num_components, problem.start
    flow = simulate_ensemble(
        problem.target, UniformSwitching(N, math.inf),
        mass=0.0, position=start, times=times, key=key, flow=problem.flow, num_paths=1,
    ).position  # fmt: skip
    bound = _bound(problem, config)
    rows = curve("K m", "bound", list(bound), list(bound.values()))
    for power in POWERS:
        series = f"δ = {power:g}"
        to_sgp, to_flow = [], []
        for m in config.masses:
            massless, light = simulate_coupled_ensemble(
                problem.target,
                UniformSwitching(N, m**-power),
                [Dynamics(0.0, position=start), Dynamics(m, position=start)],
                times=times,
                key=key,
                flow=problem.flow,
                num_paths=num_paths,
            )
            to_sgp.append(_sup_distance(light.position, massless.position))
            to_flow.append(_sup_distance(light.position, flow))
        rows += _distances(series, "distance to SGP", config.masses, to_sgp)
        small = smallest(config.masses, SMALL)
        masses = [config.masses[k] for k in small]
        measured = slope(masses, [to_sgp[k] for k in small], paired=True, seed=config.seed)
        theirs, ours = 1 - power, 1.0
        what = f"slope of E sup |q − θ| in m ≤ {max(masses):g}"
        rows += judged(series, f"{what}, paper", measured, theirs, (theirs - TOLERANCE, math.inf), paths=num_paths)
        if theirs < ours:
            accepted = (ours - TOLERANCE, math.inf)
            rows += judged(series, f"{what}, derived here", measured, ours, accepted, paths=num_paths)
        shares = [to_sgp[k].max() / bound[m] for k, m in enumerate(config.masses) if m in bound]
        if shares:
            what = "largest sup |q − θ| / (K m) of all paths and masses"
            rows += judged(series, what, max(shares), 1.0, (-math.inf, 1.0), paths=num_paths)
        if power > 0:
            rows += _distances(series, "distance to the gradient flow", config.masses, to_flow)
            measured = slope(masses, [to_flow[k] for k in small], paired=True, seed=config.seed)
            expected = power / 2
            what = f"slope of E sup |q − gradient flow| in m ≤ {max(masses):g}"
            accepted = (expected - TOLERANCE, expected + TOLERANCE)
            rows += judged(series, what, measured, expected, accepted, paths=num_paths)
    return rows


def _sup_distance(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray:
    """Largest distance over the saved times, (M,)."""
    assert first is not None and second is not None  # noqa: PT018  (no statistics were asked for)
    return np.linalg.norm(first - second, axis=-1).max(1)


def _distances(series: str, quantity: str, masses: tuple[float, ...], values: list[np.ndarray]) -> list[Row]:
    means = [mean_interval(each) for each in values]
    return [
        row(series, quantity, mean.value, x=m, low=mean.low, high=mean.high, paths=len(each))
        for m, mean, each in zip(masses, means, values, strict=True)
    ]


def _bound(problem: Problem, config: Config) -> dict[float, float]:
    r"""$K m$ for the masses at which it is proved."""
    mu, L = problem.min_curvature, problem.max_curvature
    noise = float(np.linalg.norm(problem.gradients_at_minimizer, axis=1).max())
    G = sgp_gradient_bound(mu, L, noise, problem.distance)
    gaps = {m: m * mass_gap(m, mu, L, G, horizon=HORIZON) for m in config.masses}
    return {m: gap for m, gap in gaps.items() if math.isfinite(gap)}
