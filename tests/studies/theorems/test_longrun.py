"""The long run: Wasserstein bounds, rates, and white noise left by averaging, against closed forms and oracles."""

import jax
import numpy as np
import ot
import pytest

from underdamped.process import Quadratic, UniformSwitching, stationary_moments
from underdamped.process.moments import Moments
from underdamped.studies.reporting.theorems.verdicts import judgements
from underdamped.studies.theorems.averaging import averaged_spread
from underdamped.studies.theorems.longrun import _batched_distances, _between, _Decay, _gelbrich, _growth
from underdamped.studies.theorems.problems import quadratic
from underdamped.studies.theorems.rows import frame
from underdamped.studies.theorems.spread import _squared_distance
from underdamped.theory import common_norm


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def _moments(mean, cov):
    """Moments at one time of a state whose velocity is of no interest."""
    K = len(mean)
    whole = np.eye(2 * K)
    whole[:K, :K] = cov
    return Moments(np.concatenate([mean, np.zeros(K)])[None], whole[None])


def test_the_lower_bound_is_the_distance_of_gaussian_laws():
    rng = np.random.default_rng(0)
    for _ in range(5):
        roots, means = rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 2))
        covs = roots @ roots.swapaxes(1, 2)
        ours = _gelbrich(_moments(means[0], covs[0]), _moments(means[1], covs[1]))[0]
        assert ours == pytest.approx(ot.gaussian.bures_wasserstein_distance(*means, *covs), rel=1e-9)


def test_batches_of_shifted_samples_are_the_shift_apart():
    sample = np.random.default_rng(1).normal(size=(80, 2))
    assert _batched_distances(sample[:, None], sample[:, None] + np.array([3.0, 4.0])) == pytest.approx(5.0)


def _two_laws(factor, rate):
    """Verdicts on batches that are a factor times an exponential, between bounds that are 10 % off it."""
    times = np.linspace(0.0, 4.0, 9)
    exact = np.exp(-rate * times)
    batches = factor * exact[:, None] * np.random.default_rng(3).normal(1.0, 1e-3, size=(9, 8))
    floors = [np.full(9, 0.01)] * 2
    rows = _between(times, batches, 1.1 * exact, 0.9 * exact, floors, bound=0.5, seed=0, paths=2000)
    verdicts = judgements(frame({"experiment": "e", "problem": "p"} | one for one in rows))
    assert len(verdicts) == 3
    return [one.kind for one in verdicts]


def test_sampled_distances_are_held_against_their_bounds_and_the_rate_of_the_norm():
    assert _two_laws(1.0, rate=0.7) == ["agrees", "agrees", "agrees"]
    assert _two_laws(1.3, rate=0.7) == ["does not agree", "agrees", "agrees"]
    assert _two_laws(0.7, rate=0.7) == ["agrees", "does not agree", "agrees"]
    assert _two_laws(1.0, rate=0.4) == ["agrees", "agrees", "does not agree"]


def test_below_the_sampling_floor_nothing_is_judged():
    values = np.full((3, 8), 1.0)
    floors = [np.full(3, 0.5)] * 2
    assert _between(np.arange(3.0), values, values[:, 0], values[:, 0], floors, 0.5, seed=0, paths=2000) == []


def test_the_rate_of_noisy_exponentials_is_found():
    rng, times = np.random.default_rng(2), np.linspace(1.0, 5.0, 9)
    squares = np.exp(-2 * 0.7 * times) * rng.exponential(size=(4000, 1)) * rng.uniform(0.5, 1.5, size=(4000, 9))
    found = _Decay(times, squares).rate(seed=0)
    assert found.low < 0.7 < found.high
    assert found.high - found.low < 0.02


def test_a_path_above_its_bound_is_seen():
    norm = common_norm(1.0, 3.0, mass=0.5)
    times = np.linspace(0.0, 4.0, 9)
    bound = np.exp(-2 * norm.rate * times)
    assert _growth(_Decay(times, np.stack([bound, 0.5 * bound])), norm) == pytest.approx(1.0)
    above = bound.copy()
    above[5] *= 1.21
    assert _growth(_Decay(times, np.stack([bound, above])), norm) == pytest.approx(1.1)


@pytest.mark.parametrize("mass", [0.0, 0.05, 2.0])
def test_the_spread_of_averaging_is_the_limit_of_the_exact_one(mass):
    problem, rate = quadratic(), 2000.0
    exact = _squared_distance(problem, UniformSwitching(problem.num_components, rate), mass)
    assert exact * rate == pytest.approx(averaged_spread(problem), rel=5e-3)


def test_the_exact_spread_counts_the_bias_of_the_mean():
    """Curvatures and forces that go together move the mean off the minimiser; a variance alone would miss it."""
    problem = quadratic()
    target = Quadratic([[[1.0, 0], [0, 1.0]], [[3.0, 0], [0, 3.0]]], [[0.0, 0.0], [4.0, 0.0]])
    from dataclasses import replace

    moved = replace(problem, target=target, num_components=2, minimizer=target.minimizer)
    index = UniformSwitching(2, 0.5)
    mean, cov = stationary_moments(target, index, mass=0.1)
    gap = mean[0] - float(target.minimizer[0])
    assert abs(gap) > 0.05
    assert _squared_distance(moved, index, 0.1) == pytest.approx(gap**2 + cov[0, 0] + cov[1, 1], rel=1e-9)
