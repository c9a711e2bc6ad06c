"""The landscapes are what they say: known minimisers are global, means are means, curvatures are curvatures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped.studies.landscapes.problems import PROBLEMS


@pytest.fixture(scope="module", params=["himmelblau", "styblinski-tang-5", "rastrigin", "phase-retrieval"])
def problem(request):
    return PROBLEMS[request.param]()


@pytest.mark.slow
def test_the_minimisers_are_stationary_and_nothing_lies_lower(problem):
    gradients = jax.vmap(jax.grad(problem.mean))(problem.minimizers)
    assert float(jnp.abs(gradients).max()) < 1e-5 * problem.curvature * problem.box
    lowest = float(problem.mean(problem.minimizers[0]))
    points = problem.starts(jax.random.key(0), 20_000)
    assert float(jax.vmap(problem.mean)(points).min()) > lowest
    hessian = jax.vmap(jax.hessian(problem.mean))(problem.minimizers)
    assert float(jnp.linalg.eigvalsh(hessian).min()) > 0


def test_the_mean_is_that_of_the_components(problem):
    points = problem.starts(jax.random.key(1), 50)
    expected = jax.vmap(problem.target.potential)(points)
    np.testing.assert_allclose(jax.vmap(problem.mean)(points), expected, rtol=1e-4, atol=1e-3 * problem.curvature)


def test_the_curvature_bounds_the_box_nearly(problem):
    """It is the largest of a sample: another sample hardly exceeds it."""
    hessian = jax.vmap(jax.hessian(problem.mean))(problem.starts(jax.random.key(2), 2000))
    assert float(jnp.linalg.eigvalsh(hessian).max()) < 1.25 * problem.curvature


@pytest.mark.slow
def test_the_tilt_of_himmelblau_leaves_one_global_minimum():
    problem = PROBLEMS["himmelblau"]()
    others = jnp.array([[3.0, 2.0], [-2.805118, 3.131312], [3.584428, -1.848126]])
    assert problem.minimizers.shape == (1, 2)
    assert float(jax.vmap(problem.mean)(others).min() - problem.mean(problem.minimizers[0])) > 40
