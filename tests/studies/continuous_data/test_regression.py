"""The regression against NumPy's polynomials and integrals known in closed form."""

import dataclasses

import jax
import numpy as np
import pytest
from numpy.polynomial import legendre
from scipy.integrate import quad

from underdamped.studies.continuous_data.regression import (
    Regression,
    draw_noise,
    features_at,
    noise_terms,
    observe_in,
    uniform_nodes,
)

PLAIN = Regression(np.zeros(200), regularization=0.0)
POINTS = np.linspace(-1, 1, 301)


def test_features_are_the_legendre_polynomials():
    for regression in (PLAIN, dataclasses.replace(PLAIN, orthonormal=True)):
        found = jax.vmap(features_at, in_axes=(0, None))(POINTS.astype(np.float32), regression.weights)
        np.testing.assert_allclose(found, legendre.legvander(POINTS, 8) * regression.weights, atol=2e-5)


def test_orthonormal_polynomials_are():
    y, probability = uniform_nodes(20)
    features = legendre.legvander(y, 8) * dataclasses.replace(PLAIN, orthonormal=True).weights
    np.testing.assert_allclose(features.T @ (2 * probability[:, None] * features), np.eye(9), atol=1e-13)


def test_the_minimizer_is_the_legendre_series_of_the_sine():
    for k in range(9):
        coefficient = (k + 0.5) * quad(lambda y, k=k: np.sin(np.pi * y) * legendre.legval(y, np.eye(9)[k]), -1, 1)[0]
        assert PLAIN.minimizer[k] == pytest.approx(coefficient, abs=1e-12)


def test_normalisation_does_not_change_the_fitted_function():
    noisy = dataclasses.replace(PLAIN, noise=draw_noise(3))
    orthonormal = dataclasses.replace(noisy, orthonormal=True)
    fits = [legendre.legval(POINTS, one.minimizer * one.weights) for one in (noisy, orthonormal)]
    np.testing.assert_allclose(*fits, atol=1e-12)


def test_no_gradient_is_left_at_the_minimizer():
    """By an integral that adapts, on which no quadrature rule of ours has a say."""
    regression = Regression(draw_noise(5), regularization=0.1)

    def slope(y, k):
        values = legendre.legvander(np.array([y]), 8)[0]
        return (values @ regression.minimizer - regression.observe(np.array([y]))[0]) * values[k] / 2

    for k in (0, 3, 8):
        total = quad(slope, -1, 1, args=(k,), limit=2000, epsabs=1e-9)[0]
        assert total + 0.1 * regression.minimizer[k] == pytest.approx(0, abs=1e-8)


def test_noise_is_as_published():
    j, y = 7, 0.3
    expected = 10 / (1000 + (np.pi * j) ** 1.5) * np.sin(2 * np.pi * j * (y - 0.5))
    assert noise_terms(np.array([y]))[j - 1, 0] == pytest.approx(expected, rel=1e-12)


def test_the_table_holds_the_data():
    regression = Regression(draw_noise(0))
    y = np.random.default_rng(1).uniform(-1, 1, 4000)
    found = jax.vmap(observe_in, in_axes=(None, 0))(regression.table, y.astype(np.float32))
    np.testing.assert_allclose(found, regression.observe(y), atol=1.5e-5)


def test_each_run_may_have_its_own_data():
    several = Regression(draw_noise(0, runs=3))
    for run in range(3):
        alone = Regression(several.noise[run])
        np.testing.assert_allclose(several.minimizer[run], alone.minimizer, atol=1e-12)
        np.testing.assert_array_equal(several.table[run], alone.table)
