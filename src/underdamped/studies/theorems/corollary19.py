r"""Theorem 18 and Corollary 19: losing momentum and subsampling together finds $\theta^*$."""

from dataclasses import dataclass

import jax
import numpy as np
import scipy.stats
from jax import Array

from underdamped import ExponentialDecay
from underdamped.process import (
    Dynamics,
    Quadratic,
    UniformSwitching,
    exact_moments,
    simulate_coupled_ensemble,
    simulate_ensemble,
)
from underdamped.process.distances import Interval, mean_interval
from underdamped.schedules import PowerGrowth, Schedule
from underdamped.studies.theorems.averaging import averaged_spread
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import FEWEST_FOR_EXTREMES, Row, curve, judged, row, unmet
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.slopes import slope
from underdamped.theory import check_assumptions

PAPERS = "ddSGMP, β = t²"
"""The paper's Example 1."""
_SAVED = 46
_LAST = 0.3
"""The end: from this share of the longest time on, when even slow choices have forgotten the start."""
_SLACK = 0.2
"""How far an exponent of time may be from its prediction: still told from those of the other choices."""
_FARTHER = 2.0
"""The start, in distances of the problem's own from the minimiser."""


@dataclass(frozen=True)
class Choice:
    r"""A mass and a rate of redraws as functions of time, and how long to follow them.

    Attributes:
        name: in legends.
        mass: $m(t)$.
        rate: $\kappa(t) = N\gamma\,\beta'(t)$.
        horizon: end of the paths, as the number of switches allows.
    """

    name: str
    mass: float | Schedule
    rate: float | Schedule
    horizon: float

    def mass_at(self, time: float) -> float:
        r"""$m(t)$."""
        return float(self.mass(time)) if callable(self.mass) else self.mass

    def rate_at(self, time: float) -> float:
        r"""$\kappa(t)$."""
        return float(self.rate(time)) if callable(self.rate) else self.rate


def choices(problem: Problem, horizon: float) -> tuple[Choice, ...]:
    r"""What is compared: the paper's way, both ways of losing one, losing none, and two more ways of losing both.

    Args:
        problem: its strong convexity sets how fast Theorem 15 allows the mass to fall.
        horizon: end of the longest paths.

    Returns:
        All of them. $N\gamma$ is the same for all but $\beta = t^3$, where a smaller one keeps the work in bounds.
    """
    base = 10.0 if isinstance(problem.target, Quadratic) else 4.5
    losing = ExponentialDecay(1.0, rate=min(problem.min_curvature, 1.0) / 4)  # the largest that Theorem 15 admits
    constant = 2 * base  # the rate of beta = t^2 at time 1
    sooner = 0.6 * horizon
    cubic = base * horizon**2 / sooner**3  # as many switches in the end
    return (
        Choice(PAPERS, losing, PowerGrowth(2 * base), horizon),
        Choice("constant mass, β = t²", 1.0, PowerGrowth(2 * base), horizon),
        Choice("dmSGMP, constant rate", losing, constant, horizon),
        Choice("hSGMP, constant mass and rate", 1.0, constant, horizon),
        Choice("ddSGMP, β = t³ᐟ²", losing, PowerGrowth(1.5 * base, power=0.5), horizon),
        Choice("ddSGMP, β = t³", losing, PowerGrowth(3 * cubic, power=2.0), sooner),
    )


def corollary19(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""$E|q_t - \theta^*|^2$ against time for every choice, and how far from the SGP on the same index path.

    Args:
        problem: exact on the quadratic, from ensembles on both.
        config: of the ensembles.
        key: JAX key.

    Returns:
        Errors with intervals, exact ones on the quadratic, verdicts on assumptions, and comparisons.
    """
    papers = choices(problem, config.horizon)[0]
    rows = [
        row(papers.name, "loss of mass", min(problem.min_curvature, 1.0) / 4),
        row(papers.name, "redraws a unit of β", papers.rate_at(1.0) / 2),
    ]
    scale = averaged_spread(problem)
    for number, choice in enumerate(choices(problem, config.horizon)[: config.choices]):
        rows += _assumptions(problem, choice)
        rows += _errors(problem, choice, config, jax.random.fold_in(key, number), scale)
    rows += _worst_score(rows, config)
    return [*rows, *_distance_to_sgp(problem, config, jax.random.fold_in(key, 99))]


def _assumptions(problem: Problem, choice: Choice) -> list[Row]:
    """Theory's verdict on every assumption; what one of the losing choices does not meet is a warning too."""
    rows = []
    verdicts = check_assumptions(
        choice.mass, choice.rate, min_curvature=problem.min_curvature, max_curvature=problem.max_curvature
    )
    for verdict in verdicts:
        holds = None if verdict.holds is None else float(verdict.holds)
        rows.append(row(choice.name, f"assumption {verdict.assumption}", holds, note=str(verdict)))
        if verdict.holds is False and choice.name.startswith("ddSGMP"):
            rows.append(unmet(verdict.assumption, f"{choice.name}: {verdict.words}", choice.name))
    return rows


def _errors(problem: Problem, choice: Choice, config: Config, key: Array, scale: float) -> list[Row]:
    M = config.num_long_paths(problem.name)
    times = np.concatenate([[0.0], np.geomspace(0.1, choice.horizon, _SAVED - 1)])
    index = UniformSwitching(problem.num_components, choice.rate)
    start = {"mass": choice.mass, "position": _start(problem), "times": times}
    ensemble = simulate_ensemble(problem.target, index, key=key, flow=problem.moving_flow, num_paths=M, **start)
    squares = ((np.asarray(ensemble.position) - np.asarray(problem.minimizer)) ** 2).sum(-1)
    found = [mean_interval(squares[:, k]) for k in range(len(times))]
    rows = curve(choice.name, "squared error", times, *map(np.array, zip(*found, strict=True)), paths=M)
    rows += curve(choice.name, "averaged error", times[1:], [scale / choice.rate_at(float(t)) for t in times[1:]])
    if isinstance(problem.target, Quadratic):
        mean, cov = exact_moments(problem.target, index, **start)
        K = len(problem.minimizer)
        gap = mean[:, :K] - np.asarray(problem.minimizer)
        rows += curve(choice.name, "exact error", times, (gap**2).sum(1) + np.trace(cov[:, :K, :K], axis1=1, axis2=2))
    return rows + _comparisons(choice, times, squares, scale, config)


def _comparisons(choice: Choice, times: np.ndarray, squares: np.ndarray, scale: float, config: Config) -> list[Row]:
    """The last stretch against time, and for the paper's choice the constant."""
    M = len(squares)
    begin = _LAST * config.horizon
    last = times >= begin
    exponent = slope(times[last], list(squares[:, last].T), paired=True, seed=config.seed)
    gained = choice.rate_at(choice.horizon) / choice.rate_at(begin)
    predicted = (
        float(np.log(gained) / np.log(begin / choice.horizon)) + 0.0
    )  # the error falls like the inverse of the rate
    accepted = (predicted - _SLACK, predicted + _SLACK)
    rows = judged(choice.name, "exponent of time at the end", exponent, predicted, accepted, paths=M)
    if choice.name != PAPERS:
        return rows
    rate = choice.rate_at(choice.horizon)
    ratio = Interval(*(part * rate / scale for part in mean_interval(squares[:, -1])))
    return [*rows, *judged(choice.name, "error at the end over that of averaging", ratio, 1.0, (0.8, 1.2), paths=M)]


def _worst_score(rows: list[Row], config: Config) -> list[Row]:
    """Where exact errors are known: the largest gap of an ensemble's, in standard errors, of all choices and times."""
    exact = {(one["series"], one["x"]): one["value"] for one in rows if one["quantity"] == "exact error"}
    scores = [
        abs(one["value"] - exact[one["series"], one["x"]]) / ((one["high"] - one["low"]) / (2 * 1.96))
        for one in rows
        if one["quantity"] == "squared error" and (one["series"], one["x"]) in exact and one["x"] > 0
    ]
    if not scores:
        return []
    largest = float(scipy.stats.norm.isf(0.005 / len(scores)))
    what = f"largest score |z| against exact moments, {len(scores)} values"
    size = {"paths": config.long_paths, "fewest": FEWEST_FOR_EXTREMES}
    return judged("all choices", what, max(scores), None, (0.0, largest), **size)


def _start(problem: Problem) -> Array:
    return problem.minimizer + _FARTHER * (problem.start - problem.minimizer)


def _distance_to_sgp(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""Theorem 18: the ddSGMP and the SGP on the same index path, in mean square and for the worst of all paths.

    The theorem says "to 0". Derived here: near $\theta^*$ the gradients are noise of autocorrelation $e^{-\kappa|t|}$
    and mean square $\sigma^2 = \frac1N \sum_i |\nabla\Phi_i(\theta^*)|^2$. The velocity is their average over times of
    order $m$, so of mean square $\sigma^2/(1 + \kappa m)$; and $q - \xi \approx -m p$, to leading order. Hence

    $$E|q - \xi|^2 \approx \frac{\sigma^2 m^2}{1 + \kappa m},$$

    which is of the order of the mass squared, as `theory.mass_gap` says, once switching is slow beside it. There the
    forces' response to $-m p$ is of the same order (with $H$ the Hessian of $\Phi$, a drift of
    $|H^{-1} \frac1N \sum_i \nabla^2\Phi_i \nabla\Phi_i|^2 \approx 0.2\,\sigma^2$ here), and a step longer than $m$
    resolves it in part only. So the slope is judged, not the constant.
    """
    M = config.coupled_paths
    choice = choices(problem, config.horizon)[0]
    times = np.concatenate([[0.0], np.geomspace(0.1, choice.horizon, _SAVED - 1)])
    sgp, ddsgmp = simulate_coupled_ensemble(
        problem.target,
        UniformSwitching(problem.num_components, choice.rate),
        [Dynamics(mass, position=_start(problem)) for mass in (0.0, choice.mass)],
        times=times,
        key=key,
        flow=problem.moving_flow,
        num_paths=M,
    )
    gap = np.linalg.norm(np.asarray(ddsgmp.position) - np.asarray(sgp.position), axis=-1)
    squares = gap**2
    found = [mean_interval(squares[:, k]) for k in range(len(times))]
    mass, rate = (np.array([at(float(t)) for t in times]) for at in (choice.mass_at, choice.rate_at))
    shape = mass**2 / (1 + rate * mass)
    predicted = (problem.gradients_at_minimizer**2).sum(1).mean() * shape
    last = times >= _LAST * choice.horizon
    exponent = slope(shape[last], list(squares[:, last].T), paired=True, seed=config.seed)
    what = "slope of E|q − ξ|² in m²/(1+κm) at the end"
    return [
        *curve(choice.name, "squared distance to SGP", times, *map(np.array, zip(*found, strict=True)), paths=M),
        *curve(choice.name, "predicted squared distance to SGP", times, predicted),
        *curve(choice.name, "largest squared distance to SGP", times, squares.max(0), paths=M),
        *judged(choice.name, what, exponent, 1.0, (0.95, 1.05), paths=M),
    ]
