"""The long run at constant mass and rate: how fast two starts forget where they began, path by path and in law."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jax import Array

from underdamped.process import (
    Dynamics,
    Ensemble,
    Exact,
    Quadratic,
    UniformSwitching,
    exact_moments,
    mean_square_abscissa,
    simulate_coupled_ensemble,
    simulate_ensemble,
)
from underdamped.process.distances import Interval, mean_interval, wasserstein
from underdamped.process.moments import Moments
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import Row, curve, judged, row
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.slopes import slope
from underdamped.theory import CommonNorm, common_norm, contraction_rate, ergodicity_threshold

SWITCHING_RATE = 5.0
LAW_MASS = 1.0
"""Mass of the two laws on the quadratic: heavy enough to swing, light enough for the common norm to contract."""
_BATCHES = 8
_ABOVE_FLOOR = 5.0
"""Sampled W₂ is judged where it is so many times that of two samples of one law: below, it is mostly sampling."""
_FEWEST_SAMPLES = 500
"""Paths that its verdicts need: they come from batches of them."""
_MASSES = np.geomspace(0.02, 4.0, 13)
_SHARES = (0.1, 0.25, 0.5, 0.9)
"""Masses on the logistic regression, as shares of the largest one that the common norm contracts."""


def law_masses(problem: Problem) -> tuple[float, ...]:
    """Masses at which two starts are followed: on the quadratic the ends of a range, and that of the two laws.

    Args:
        problem: the target.

    Returns:
        Masses, increasing.
    """
    if isinstance(problem.target, Quadratic):
        return (float(_MASSES[0]), LAW_MASS, float(_MASSES[-1]))
    lightest = ergodicity_threshold(problem.min_curvature, problem.max_curvature, 1.0) ** -2
    return tuple(share * lightest for share in _SHARES)


@dataclass(frozen=True)
class _Decay:
    """Squared distances of coupled paths, (M, T), at ``times``."""

    times: np.ndarray
    squares: np.ndarray

    def rate(self, *, seed: int) -> Interval:
        """Exponential rate of the root mean square, with its bootstrap interval over paths."""
        found = slope(self.times, list(self.squares.T), paired=True, transform=np.asarray, seed=seed)
        return Interval(-found.value / 2, -found.high / 2, -found.low / 2)


def longrun(problem: Problem, config: Config, key: Array) -> list[Row]:
    """Two starts under one index path and under two, against time; and the rate of forgetting against the mass.

    Args:
        problem: on the quadratic rates are exact; on others theory bounds them from below.
        config: of the ensembles.
        key: JAX key.

    Returns:
        Distances of both kinds, rates with intervals, theory's rates, and comparisons.
    """
    if not isinstance(problem.target, Quadratic):
        return _bounded_rates(problem, config, key)
    laws, alike, switched = jax.random.split(key, 3)
    return [
        *_laws(problem, config, laws),
        *_rates_of_equal_springs(problem, alike),
        *_rates_under_switching(problem, config, switched),
    ]


def _laws(problem: Problem, config: Config, key: Array) -> list[Row]:
    """The W_2 distance of the positions of two starts: bracketed by exact moments, and measured.

    Two starts and two ensembles of each, all independent. W_2 of two samples of one law, the sampling floor, bounds
    the distance of a sample from its law; so sampled W_2 lies below that of the coupling and the floors of both laws.
    """
    index, M = UniformSwitching(problem.num_components, SWITCHING_RATE), config.num_paths(problem.name)
    decay = -mean_square_abscissa(problem.target, index, mass=LAW_MASS) / 2
    times = np.linspace(0.0, 16.0 / decay, 65)
    starts = [np.asarray(problem.minimizer) + sign * np.array([10.0, -5.0]) for sign in (1, -1)]
    norm = common_norm(problem.min_curvature, problem.max_curvature, LAW_MASS)
    moments = [exact_moments(problem.target, index, mass=LAW_MASS, position=q, times=times) for q in starts]
    apart = exact_moments(_unforced(problem), index, mass=LAW_MASS, position=starts[0] - starts[1], times=times)
    bound = norm(starts[0] - starts[1], np.zeros(2)) / norm.stiffness**0.5 * np.exp(-norm.rate * times)
    coupling = _root_mean_square(apart, dimension=2)

    seen = slice(1, 27, 2)
    every = times[seen]
    common = {"times": every, "flow": Exact(), "num_paths": M}
    keys = jax.random.split(key, 5)
    pair = simulate_coupled_ensemble(
        problem.target, index, [Dynamics(LAW_MASS, position=q) for q in starts], key=keys[0], **common
    )
    first, second, first_again, second_again = (
        _positions(simulate_ensemble(problem.target, index, mass=LAW_MASS, position=q, key=k, **common))
        for q, k in zip((*starts, *starts), keys[1:], strict=True)
    )
    squares = ((_positions(pair[0]) - _positions(pair[1])) ** 2).sum(-1)
    coupled = [_root(mean_interval(squares[:, k])) for k in range(len(every))]
    batches = _batched_distances(first, second)
    apart_in_law = [mean_interval(each) for each in batches]
    floors = [_batched_distances(*pair).mean(1) for pair in ((first, first_again), (second, second_again))]
    gelbrich = _gelbrich(*moments)
    return [
        row("laws", "mass", LAW_MASS),
        row("laws", "switching rate", SWITCHING_RATE),
        *curve("theory's bound", "distance of positions", times, bound),
        *curve("coupling, exact", "distance of positions", times, coupling),
        *curve("W₂ of Gaussians, exact", "distance of positions", times, gelbrich),
        *_measured("coupling, measured", "distance of positions", every, coupled, M),
        *_measured("W₂ of independent samples", "distance of positions", every, apart_in_law, M),
        *curve("two samples of one law", "distance of positions", every, floors[0]),
        *_between(every, batches, coupling[seen], gelbrich[seen], floors, norm.rate, config.seed, M),
    ]


def _between(
    times: np.ndarray,
    batches: np.ndarray,
    coupling: np.ndarray,
    gelbrich: np.ndarray,
    floors: list[np.ndarray],
    bound: float,
    seed: int,
    paths: int,
) -> list[Row]:
    """Sampled W_2, (T, batches), above the floor: between its bounds, and falling at the rate of the norm at least."""
    above = batches.mean(1) > _ABOVE_FLOOR * np.maximum(*floors)
    if above.sum() < 2:
        return []
    size = {"paths": paths, "fewest": _FEWEST_SAMPLES}
    over, under = coupling + sum(floors), gelbrich
    ratios = {
        "the coupling's distance and both sampling floors, the largest ratio": (over, np.argmax, (-np.inf, 1.05)),
        "that of Gaussian laws with the same moments, the smallest ratio": (under, np.argmin, (0.95, np.inf)),
    }
    rows = []
    for words, (reference, extreme, accepted) in ratios.items():
        shares = (batches / reference[:, None])[above]
        ratio = mean_interval(shares[extreme(shares.mean(1))])
        rows += judged("two laws", f"sampled W₂ over {words}, {above.sum()} times", ratio, 1.0, accepted, **size)
    found = slope(times[above], list(batches[above]), paired=True, transform=np.asarray, seed=seed)
    rate = Interval(-found.value, -found.high, -found.low)
    what = f"rate at which sampled W₂ falls, {above.sum()} times; at least that of the common norm"
    return rows + judged("two laws", what, rate, bound, (bound, np.inf), **size)


def _rates_of_equal_springs(problem: Problem, key: Array) -> list[Row]:
    """All components share their matrix, so differences are not random: the rate is that of the slowest mode."""
    springs = np.tile([problem.min_curvature, problem.max_curvature], (problem.num_components, 1))
    target = Quadratic(springs, np.zeros_like(springs))
    theory = np.array([contraction_rate(problem.min_curvature, mass) for mass in _MASSES])
    found = []
    for mass, rate in zip(_MASSES, theory, strict=True):
        times = np.linspace(20.0, 140.0, 241) / rate  # swings and the factor 1 + t of critical damping die out
        norm = common_norm(problem.min_curvature, problem.max_curvature, float(mass))
        decay = _difference(target, float(mass), norm, times, key, 2)
        found.append(-np.polyfit(times, np.log(decay.squares[0]) / 2, 1)[0])
    fine = np.geomspace(_MASSES[0], _MASSES[-1], 201)
    return [
        *curve("equal springs", "rate of forgetting", _MASSES, found),
        *curve("equal springs", "theory's rate", fine, [contraction_rate(problem.min_curvature, m) for m in fine]),
        *judged(
            "equal springs",
            f"largest relative error of the rate of forgetting, {len(_MASSES)} masses",
            float(np.abs(np.array(found) / theory - 1).max()),
            0.0,
            (0.0, 0.05),
        ),
    ]


def _rates_under_switching(problem: Problem, config: Config, key: Array) -> list[Row]:
    """Components whose matrices do not commute: the rate is exact from second moments, the common norm bounds it."""
    index, M = UniformSwitching(problem.num_components, SWITCHING_RATE), 2 * config.num_paths(problem.name)
    rows, ratios, growths = [], [], []
    for number, mass in enumerate(map(float, _MASSES)):
        exact = -mean_square_abscissa(problem.target, index, mass=mass) / 2
        norm = common_norm(problem.min_curvature, problem.max_curvature, mass)
        times = np.linspace(0.0, 10.0, 11) / exact
        decay = _difference(_unforced(problem), mass, norm, times, jax.random.fold_in(key, number), M)
        late = _Decay(times[2:], decay.squares[:, 2:])
        rate = late.rate(seed=config.seed)
        ratios.append(Interval(*(value / exact for value in rate)))
        growths.append(_growth(decay, norm))
        rows += _measured("different springs", "rate of forgetting", [mass], [rate], M)
    fine = np.geomspace(_MASSES[0], _MASSES[-1], 31)
    exact = [-mean_square_abscissa(problem.target, index, mass=float(mass)) / 2 for mass in fine]
    bounds = [common_norm(problem.min_curvature, problem.max_curvature, float(mass)).rate for mass in fine]
    rows += curve("different springs", "exact rate", fine, exact)
    rows += curve("different springs", "theory's bound", fine, bounds)
    worst = max(ratios, key=lambda ratio: max(abs(ratio.low - 1), abs(ratio.high - 1)))
    what = f"rate of forgetting over the exact one, worst of {len(_MASSES)} masses"
    return [*rows, *judged("different springs", what, worst, 1.0, (0.95, 1.05), paths=M), *_contracts(growths, M)]


def _bounded_rates(problem: Problem, config: Config, key: Array) -> list[Row]:
    """A target that is not quadratic: pairs of paths, whose distance in the common norm theory bounds."""
    index, M = UniformSwitching(problem.num_components, SWITCHING_RATE), config.num_paths(problem.name)
    masses = law_masses(problem)
    starts = [problem.start, problem.start + 2 * (problem.minimizer - problem.start)]
    rows, growths, rates = [], [], []
    for number, mass in enumerate(masses):
        norm = common_norm(problem.min_curvature, problem.max_curvature, mass)
        times = np.linspace(0.0, 8.0 / contraction_rate(problem.min_curvature, mass), 41)
        pair = simulate_coupled_ensemble(
            problem.target,
            index,
            [Dynamics(mass, position=q) for q in starts],
            times=times,
            key=jax.random.fold_in(key, number),
            flow=problem.flow,
            num_paths=M,
        )
        first, second = pair
        gap = norm(_positions(first) - _positions(second), np.asarray(first.velocity) - np.asarray(second.velocity))
        decay = _Decay(times, gap**2)
        late = _Decay(times[10::5], decay.squares[:, 10::5])
        rate = late.rate(seed=config.seed)
        growths.append(_growth(decay, norm))
        rates.append((rate, norm.rate))
        rows += _measured("pairs of paths", "rate of forgetting", [mass], [rate], M)
        if number == 1:
            rows += [row("pairs of paths", "mass", mass), row("pairs of paths", "switching rate", SWITCHING_RATE)]
            distance = [_root(mean_interval(decay.squares[:, k])) for k in range(len(times))]
            rows += _measured("coupling, measured", "distance in the common norm", times, distance, M)
            rows += curve(
                "theory's bound", "distance in the common norm", times, distance[0].value * np.exp(-norm.rate * times)
            )
    fine = np.geomspace(masses[0], masses[-1], 101)
    bounds = [common_norm(problem.min_curvature, problem.max_curvature, float(m)).rate for m in fine]
    rows += curve("pairs of paths", "theory's bound", fine, bounds)
    rate, bound = min(rates, key=lambda pair: pair[0].low - pair[1])
    what = "rate of forgetting where it is closest to the bound"
    rows += judged("pairs of paths", what, rate, bound, (bound, np.inf), paths=M)
    return [*rows, *_contracts(growths, M)]


def _contracts(growths: list[float], paths: int) -> list[Row]:
    """That no path, at no mass and time, was above the bound of the common norm."""
    what = "largest ‖z − z′‖ eʳᵗ/‖z₀ − z₀′‖ in the common norm, all paths, times and masses"
    return judged("synchronous coupling", what, max(growths), 1.0, (-np.inf, 1.0 + 1e-6), paths=paths)


def _difference(
    target: Quadratic, mass: float, norm: CommonNorm, times: np.ndarray, key: Array, num_paths: int
) -> _Decay:
    """Two paths with one index path differ by the process without forces: simulated so, no digits cancel."""
    index = UniformSwitching(target.num_components, SWITCHING_RATE)
    ensemble = simulate_ensemble(
        target, index, mass=mass, position=[1.0, 1.0], times=times, key=key, flow=Exact(), num_paths=num_paths
    )
    return _Decay(times, np.asarray(norm(ensemble.position, ensemble.velocity)) ** 2)


def _positions(ensemble: Ensemble) -> np.ndarray:
    """Whole paths, (M, T, K)."""
    return np.asarray(ensemble.position)


def _unforced(problem: Problem) -> Quadratic:
    target = problem.target
    assert isinstance(target, Quadratic)  # the caller has looked
    return Quadratic(target.A, jnp.zeros_like(target.b))


def _growth(decay: _Decay, norm: CommonNorm) -> float:
    """Largest distance over its bound."""
    bound = decay.squares[:, :1] * np.exp(-2 * norm.rate * decay.times)
    return float(np.sqrt((decay.squares / bound).max()))


def _root_mean_square(moments: Moments, dimension: int) -> np.ndarray:
    mean, cov = moments.mean[:, :dimension], moments.cov[:, :dimension, :dimension]
    return np.sqrt((mean**2).sum(-1) + np.trace(cov, axis1=1, axis2=2))


def _gelbrich(first: Moments, second: Moments) -> np.ndarray:
    """W_2 of the Gaussian laws with these moments of the position, a lower bound for all laws that have them."""
    found = []
    for m1, m2, C1, C2 in zip(first.mean, second.mean, first.cov, second.cov, strict=True):
        K = len(m1) // 2
        root = _square_root(C1[:K, :K])
        cross = _square_root(root @ C2[:K, :K] @ root)
        spread = np.trace(C1[:K, :K] + C2[:K, :K] - 2 * cross)
        found.append(np.sqrt(((m1 - m2)[:K] ** 2).sum() + max(float(spread), 0.0)))
    return np.array(found)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = scipy.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _batched_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """W_2 at each time of a few batches of both samples, (T, batches); samples are (M, T, K)."""
    pairs = list(zip(np.array_split(first, _BATCHES), np.array_split(second, _BATCHES), strict=True))
    return np.array([[wasserstein(x[:, k], y[:, k]) for x, y in pairs] for k in range(first.shape[1])])


def _root(square: Interval) -> Interval:
    return Interval(*(float(np.sqrt(max(value, 0.0))) for value in square))


def _measured(series: str, quantity: str, x, found: list[Interval], paths: int) -> list[Row]:
    values, lows, highs = (np.array(part) for part in zip(*found, strict=True))
    return curve(series, quantity, x, values, lows, highs, paths)
