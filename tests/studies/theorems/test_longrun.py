"""The long run: Wasserstein bounds, rates, and white noise left by averaging, against closed forms and oracles."""

import jax
import numpy as np
import ot
import pytest

from underdamped.process import Quadratic, UniformSwitching, stationary_moments
from underdamped.process.moments import Moments
from underdamped.studies.theorems.averaging import averaged_spread
from underdamped.studies.theorems.longrun import _batched_distance, _Decay, _gelbrich, _growth
from underdamped.studies.theorems.problems import quadratic
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
    assert _batched_distance(sample, sample + np.array([3.0, 4.0])).value == pytest.approx(5.0)


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
