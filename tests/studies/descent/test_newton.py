"""True minimisers against closed forms and against scikit-learn."""

import jax
import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from underdamped.process import FiniteSum
from underdamped.studies.descent.newton import minimize
from underdamped.studies.descent.regressions import load_regression


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def test_ridge_has_its_closed_form():
    x, y = datasets.load_diabetes(return_X_y=True)
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    expected = np.linalg.solve(x.T @ x / len(x) + 0.3 * np.eye(10), x.T @ y / len(x))
    np.testing.assert_allclose(load_regression("diabetes", 0.3).minimum.position, expected, rtol=1e-12)


@pytest.fixture(scope="module", params=["diabetes", "breast-cancer", "digits"])
def loaded(request):
    with jax.enable_x64(True):
        return request.param, load_regression(request.param, 0.1)


def test_logistic_minimisers_are_those_of_scikit_learn(loaded):
    l2, (name, problem) = 0.1, loaded
    if name == "diabetes":
        return  # has its closed form above
    assert problem.minimum.gradient_norm <= 1e-12
    assert problem.minimum.least_curvature >= l2 * (1 - 1e-9)
    features, labels = getattr(datasets, f"load_{name.replace('-', '_')}")(return_X_y=True)
    x = features / 16 if name == "digits" else (features - features.mean(0)) / features.std(0)
    x = np.column_stack([x, np.ones(len(x))])
    model = LogisticRegression(C=1 / (l2 * len(x)), fit_intercept=False, tol=1e-10, max_iter=5000).fit(x, labels)
    np.testing.assert_allclose(problem.minimum.position, model.coef_.ravel(), atol=2e-6)


def test_no_gradient_changes_faster_than_said(loaded):
    _, problem = loaded
    generator = np.random.default_rng(0)
    gradients = jax.jit(jax.vmap(lambda q, i: problem.target.gradient(q, i[None]), in_axes=(None, 0)))
    components = np.arange(problem.num_components)
    for scale in (1e-3, 1.0):
        first = generator.standard_normal(problem.dimension)
        second = first + scale * generator.standard_normal(problem.dimension)
        change = np.linalg.norm(gradients(first, components) - gradients(second, components), axis=1)
        assert change.max() <= problem.smoothness * np.linalg.norm(first - second)
        assert (change >= 0.1 * (1 - 1e-6) * np.linalg.norm(first - second)).all()  # and each is 0.1-strongly convex


def test_damping_finds_a_minimum_that_full_steps_miss():
    """The gradient q / sqrt(1 + q²) sends full Newton steps from 2 to -8 to 512."""
    target = FiniteSum(lambda q, y: (1 + ((q - y) ** 2).sum()) ** 0.5, np.array([[2.0]]))
    assert minimize(target, 1).position == pytest.approx([2.0], abs=1e-12)


def test_a_minimiser_that_is_not_unique_is_refused():
    flat = FiniteSum(lambda q, y: (q[0] - y) ** 2, np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"strongly convex.*not unique.*regularise"):
        minimize(flat, 2)
    with pytest.raises(ValueError, match=r"`l2` must be positive.*single components have many minimisers"):
        load_regression("digits", 0.0)
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        load_regression("digit", 0.1)
