"""The problems are what they claim: curvatures, minimisers, gradients."""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from underdamped.studies.theorems.problems import logistic, quadratic


def test_the_minimiser_has_no_gradient(problem):
    assert float(jnp.abs(problem.target.gradient(problem.minimizer)).max()) < 1e-12
    assert np.abs(problem.gradients_at_minimizer.mean(0)).max() < 1e-12
    assert np.linalg.norm(problem.gradients_at_minimizer, axis=1).max() > 0.1  # else there is no noise to lose


def test_curvatures_of_components_lie_between_mu_and_l(problem):
    """The Hessian of every fourth component or so, at random points."""
    hessian = jax.jit(jax.hessian(lambda q, i: problem.target.potential(q, i[None])))
    generator = np.random.default_rng(0)
    for i in range(0, problem.num_components, max(1, problem.num_components // 100)):
        q = problem.minimizer + generator.normal(size=problem.minimizer.shape)
        values = np.linalg.eigvalsh(hessian(q, jnp.array(i)))
        assert problem.min_curvature - 1e-10 <= values.min() <= values.max() <= problem.max_curvature + 1e-10


def test_the_quadratic_attains_its_bounds_and_does_not_commute(x64):
    A = np.asarray(quadratic().target.A)
    np.testing.assert_allclose(np.linalg.eigvalsh(A), [[1.0, 3.0]] * 3, atol=1e-12)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(A[i] @ A[j] - A[j] @ A[i]).max() > 0.1


def test_the_logistic_minimiser_is_scikit_learns(x64):
    """Its C multiplies the sum of losses: C = 1 / (N lambda)."""
    problem, data = logistic(), load_breast_cancer()
    x = data.data[:, :10]
    x = np.column_stack([(x - x.mean(0)) / x.std(0) / np.sqrt(10), np.ones(len(x))])
    model = LogisticRegression(C=1 / (len(x) * problem.min_curvature), fit_intercept=False, tol=1e-10, max_iter=1000)
    np.testing.assert_allclose(problem.minimizer, model.fit(x, data.target).coef_[0], atol=1e-6)
