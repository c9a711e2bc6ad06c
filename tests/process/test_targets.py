"""Targets: gradients against finite differences, minimisers against a grid or a solver, constants against Hessians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

from underdamped.process import FiniteSum, Quadratic
from underdamped.process.landscapes import (
    flat_stretch,
    himmelblau,
    logistic_regression,
    quartic,
    random_tilts,
    rastrigin,
    relu_well,
    softmax_regression,
    styblinski_tang,
)

KEY = jax.random.key(4)
RNG = np.random.default_rng(4)


def landscapes():
    x, y = RNG.normal(size=(12, 3)), RNG.integers(0, 3, 12)
    root = RNG.normal(size=(4, 2, 2))
    tilts = random_tilts(KEY, 6, 2, 2.0)
    return {
        "styblinski_tang": styblinski_tang(tilts),
        "himmelblau": himmelblau(tilts),
        "rastrigin": rastrigin(tilts),
        "relu_well": relu_well(tilts[:, :1]),
        "flat_stretch": flat_stretch(tilts[:, :1]),
        "quartic": quartic(root @ root.swapaxes(1, 2), RNG.normal(size=(4, 2))),
        "logistic": logistic_regression(x, y % 2, 0.1),
        "softmax": softmax_regression(x, y, 3, 0.1),
    }


@pytest.fixture(scope="module")
def targets():
    with jax.enable_x64(True):
        yield landscapes()


def dimension(name):
    return {"relu_well": 1, "flat_stretch": 1, "logistic": 3, "softmax": 9}.get(name, 2)


NAMES = ["styblinski_tang", "himmelblau", "rastrigin", "relu_well", "flat_stretch", "quartic", "logistic", "softmax"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences_of_potentials(targets, name):
    target, q = targets[name], RNG.normal(size=dimension(name))
    for chosen in (None, jnp.array([1]), jnp.array([3, 0])):
        potential = jax.jit(lambda q, chosen=chosen: target.potential(q, chosen))
        steps = 1e-6 * np.eye(len(q))
        slope = [(potential(q + step) - potential(q - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(target.gradient(jnp.asarray(q), chosen), slope, rtol=1e-6, atol=1e-6)
    every = [target.gradient(jnp.asarray(q), jnp.array([i])) for i in range(target.num_components)]
    np.testing.assert_allclose(np.mean(every, axis=0), target.gradient(jnp.asarray(q)), atol=1e-12)


@pytest.mark.parametrize("name", NAMES[:5])
def test_minimizers_are_global_and_stationary(targets, name):
    target = targets[name]
    lowest = float(target.potential(target.minimizers[0]))
    for minimizer in target.minimizers:
        assert float(target.potential(minimizer)) == pytest.approx(lowest, abs=1e-9)
        np.testing.assert_allclose(target.gradient(minimizer), 0, atol=1e-9)
    anywhere = RNG.uniform(-5, 5, size=(2000, dimension(name)))
    assert (np.asarray(jax.vmap(target.potential)(anywhere)) >= lowest).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("himmelblau", "relu_well")])
def test_hessians_lie_between_the_constants(targets, name):
    target, K = targets[name], dimension(name)
    hessian = jax.jit(jax.vmap(jax.hessian(lambda q, i: target.potential(q, i[None])), in_axes=(0, None)))
    points, lowest, highest = RNG.uniform(-3, 3, size=(300, K)), np.inf, -np.inf
    for i in range(target.num_components):
        values = np.linalg.eigvalsh(hessian(points, jnp.array(i)))
        lowest, highest = min(lowest, values.min()), max(highest, values.max())
    assert target.convexity - 1e-9 <= lowest
    assert highest <= target.smoothness + 1e-9


def test_logistic_regression_is_scikit_learns():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x, y = RNG.normal(size=(40, 3)), RNG.integers(0, 2, 40)
    with jax.enable_x64(True):
        target = logistic_regression(x, y, 0.05)
        potential, gradient = jax.jit(lambda q: target.potential(q)), jax.jit(lambda q: target.gradient(q))
        ours = scipy.optimize.minimize(potential, np.zeros(3), jac=gradient, tol=1e-12).x
    theirs = linear_model.LogisticRegression(C=1 / (40 * 0.05), fit_intercept=False, tol=1e-12).fit(x, y).coef_[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
def test_quadratic_agrees_with_the_finite_sum_of_its_components(x64):
    root = RNG.normal(size=(5, 3, 3))
    A, b, q = root + root.swapaxes(1, 2), RNG.normal(size=(5, 3)), jnp.asarray(RNG.normal(size=3))
    diagonal = RNG.normal(size=(5, 3))
    for ours, full in [(Quadratic(A, b), A), (Quadratic(diagonal, b), diagonal[:, :, None] * np.eye(3))]:
        reference = FiniteSum(lambda q, y: 0.5 * q @ y[0] @ q - y[1] @ q, (full, b))
        for chosen in (None, jnp.array([2]), jnp.array([4, 1])):
            np.testing.assert_allclose(ours.gradient(q, chosen), reference.gradient(q, chosen), atol=1e-12)
            np.testing.assert_allclose(ours.potential(q, chosen), reference.potential(q, chosen), atol=1e-12)
        np.testing.assert_allclose(ours.gradient(ours.minimizer), 0, atol=1e-9)
        spectra = np.linalg.eigvalsh(full)  # of either sign
        assert ours.smoothness == pytest.approx(np.abs(spectra).max(), rel=1e-12)
        assert ours.convexity == pytest.approx(spectra.min(), rel=1e-12)
        np.testing.assert_allclose(ours.averaged().gradient(q, jnp.array([0])), ours.gradient(q), atol=1e-12)
