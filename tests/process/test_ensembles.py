"""Ensembles against exact moments: every mean and every covariance, by z-score."""

import math

import jax
import numpy as np
import pytest

from underdamped import ExponentialDecay, PowerDecay, PowerGrowth
from underdamped.process import (
    Exact,
    ExponentialHeun,
    MarkovSwitching,
    Quadratic,
    UniformSwitching,
    exact_moments,
    simulate_ensemble,
)

M = 40_000
TIMES = [0.3, 1.0, 4.0]


def problem(N=4, K=2, seed=5):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(N, K, K))
    return Quadratic(root @ root.swapaxes(1, 2) / K + 0.3 * np.eye(K), rng.normal(size=(N, K)))


def generator(N=4, seed=6):
    Q = np.random.default_rng(seed).uniform(0, 2, (N, N))
    return Q - np.diag(Q.sum(1))


CASES = {
    "heavy": (UniformSwitching(4, 3.0), 2.0, 1.0, Exact()),
    "light": (UniformSwitching(4, 20.0), 0.05, 1.0, Exact()),
    "massless": (UniformSwitching(4, 3.0), 0.0, 2.0, Exact()),
    "batches": (UniformSwitching(4, 2.0, 2), 0.3, 1.0, ExponentialHeun(0.02)),
    "Markov": (MarkovSwitching(generator()), 0.3, 0.7, Exact()),
    "losing mass": (UniformSwitching(4, 3.0), ExponentialDecay(0.5, 1.0), 1.0, ExponentialHeun(0.02)),
    "losing both": (UniformSwitching(4, PowerGrowth(2.0)), PowerDecay(0.5, 1.0), 1.0, ExponentialHeun(0.02)),
}


@pytest.mark.parametrize("name", CASES)
def test_means_and_covariances_are_exact(name):
    index, mass, friction, flow = CASES[name]
    options = {"mass": mass, "friction": friction, "position": [1.0, -0.5], "velocity": [0.5, 1.0], "times": TIMES}
    ensemble = simulate_ensemble(problem(), index, **options, key=jax.random.key(21), flow=flow, num_paths=M)
    exact = exact_moments(problem(), index, **options)
    z = np.concatenate([ensemble.position, ensemble.velocity], axis=-1).astype(np.float64)
    deviation = z - exact.mean
    error = deviation.mean(0) / (deviation.std(0) / math.sqrt(M))
    assert np.abs(error).max() < 4
    products = deviation[..., :, None] * deviation[..., None, :]
    error = (products.mean(0) - exact.cov) / (products.std(0) / math.sqrt(M))
    assert np.abs(error).max() < 4
