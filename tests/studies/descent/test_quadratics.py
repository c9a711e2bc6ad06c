"""The random problems of Fig. 5 have the law they should have, and the shared loop is the scheme."""

import numpy as np
import pytest
from scipy import stats

from reference import sgmp_steps
from underdamped import Constant, GeometricDecay
from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.quadratics import (
    Scheme,
    Shape,
    distances,
    random_orthogonal,
    random_problem,
    step_sizes,
    unstable_steps,
)

SMALL = Shape(dimension=30, num_components=8)
SCHEMES = [
    Scheme("SGD", Constant(0.0), 1.0),
    Scheme("hSGMP", Constant(0.5), 5.0),
    Scheme("dmSGMP", GeometricDecay(1.0, 0.9), 5.0),
]


def test_eigenvectors_are_orthonormal_and_uniform():
    """A squared entry of a Haar matrix is Beta(1/2, (K-1)/2); one entry a matrix, so that they are independent."""
    generator, K = np.random.default_rng(3), 6
    matrices = [random_orthogonal(generator, K) for _ in range(4000)]
    assert np.abs(matrices[0] @ matrices[0].T - np.eye(K)).max() < 1e-6
    for row, column in ((0, 0), (0, K - 1), (K - 1, 2)):
        squares = [float(matrix[row, column]) ** 2 for matrix in matrices]
        assert stats.kstest(squares, stats.beta(0.5, (K - 1) / 2).cdf).pvalue > 1e-3


def test_problems_have_the_law_of_the_paper():
    shape = Shape(dimension=60, num_components=20)
    problem = random_problem(shape, np.random.default_rng(4))
    eigenvalues = np.linalg.eigvalsh(problem.matrices.astype(float)).ravel()
    assert stats.kstest(eigenvalues, stats.uniform(0.05, 14.95).cdf).pvalue > 1e-3
    assert stats.kstest(problem.offsets.ravel(), stats.norm(0, 2).cdf).pvalue > 1e-3
    assert stats.kstest(problem.start, stats.norm(0, 10).cdf).pvalue > 1e-3
    assert np.abs(problem.matrices - problem.matrices.swapaxes(1, 2)).max() < 1e-5


def test_the_minimizer_is_where_the_mean_gradient_vanishes():
    problem = random_problem(SMALL, np.random.default_rng(5))
    gradient = problem.matrices.astype(float).mean(axis=0) @ problem.minimizer + problem.offsets.mean(axis=0)
    assert np.abs(gradient).max() < 1e-6  # the stored matrices are symmetric up to their rounding


@pytest.mark.parametrize("place", range(len(SCHEMES)))
def test_the_shared_loop_is_the_scheme_with_the_settled_steps(place):
    problem, num_steps, batch_size = random_problem(SMALL, np.random.default_rng(6)), 60, 3
    found = distances(
        problem, SCHEMES, np.random.default_rng(7), num_steps=num_steps, batch_size=batch_size, highest=15.0
    )
    batches = draw_batches(np.random.default_rng(7), SMALL.num_components, batch_size, (num_steps,))

    def gradient(q, n):
        return np.mean([problem.matrices[i].astype(float) @ q + problem.offsets[i] for i in batches[n]], axis=0)

    scheme = SCHEMES[place]
    steps = [(scheme.friction / 15) / (n + 1) for n in range(num_steps)]
    masses = [scheme.mass(n) for n in range(num_steps)]
    positions, _ = sgmp_steps(gradient, problem.start, steps, masses, scheme.friction)
    expected = np.linalg.norm(np.vstack([problem.start, positions]) - problem.minimizer, axis=1)
    np.testing.assert_allclose(found[:, place], expected, rtol=2e-6)  # single-precision products


def test_steps_beyond_the_stability_limit_are_counted():
    """SGD: 6/(15 (n+1)) >= 2/15 up to n = 2; a mass only raises the limit."""
    assert unstable_steps(SCHEMES[0], 15.0, 100, factor=6.0) == 3
    assert unstable_steps(SCHEMES[0], 15.0, 100) == 0
    assert unstable_steps(SCHEMES[1], 15.0, 100, factor=6.0) < 3
    assert step_sizes(5.0, 15.0, 2, factor=3.0).tolist() == [1.0, 0.5]


def test_divergence_is_seen_and_does_not_touch_the_others():
    problem = random_problem(SMALL, np.random.default_rng(8))
    wild = Scheme("wild", Constant(0.0), 1e-40)  # h = α/L: the same first step; then the gain 1/α overflows
    found = distances(
        problem, [SCHEMES[0], wild], np.random.default_rng(9), num_steps=5, batch_size=2, highest=15.0, factor=1e20
    )
    assert not np.isfinite(found[-1]).any()
    calm = distances(problem, SCHEMES[:1], np.random.default_rng(9), num_steps=5, batch_size=2, highest=15.0)
    assert np.isfinite(calm).all()
