"""Fig. 6: the problem against the library's own, the change of variables, and the methods against each other."""

import jax.numpy as jnp
import numpy as np
import pytest

from underdamped import GeometricDecay
from underdamped.process.landscapes import quartic
from underdamped.studies.landscapes.quartics import (
    CURVATURES,
    EIGENVALUES,
    Quartics,
    Series,
    descend,
    figure_6,
    figure_6_series,
    random_quartics,
)

PROBLEM = random_quartics(np.random.default_rng(0), dimension=5, num_components=8)


def test_the_matrices_have_their_eigenvalues_in_the_interval():
    eigenvalues = np.linalg.eigvalsh(random_quartics(np.random.default_rng(1), 60, 30).A.astype(float)).ravel()
    low, high = EIGENVALUES
    assert eigenvalues.min() > low - 1e-3
    assert eigenvalues.max() < high + 1e-3
    assert eigenvalues.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / (12 * 1800) ** 0.5)


def test_the_gradient_is_that_of_the_process_library():
    positions, batch = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32), np.array([1, 4, 6])
    target = quartic(PROBLEM.A, PROBLEM.b)
    expected = [target.gradient(jnp.asarray(q), jnp.asarray(batch)) for q in positions.T]
    np.testing.assert_allclose(PROBLEM.gradient(positions, batch).T, expected, rtol=1e-4, atol=1e-3)


def test_the_normalisation_is_the_printed_function_in_other_variables():
    """One explicit step of the printed flow, divided by N, in x = √N q: the same mass, friction and time."""
    N, h, mass, friction = 8, 0.01, 0.5, 0.2
    q = np.random.default_rng(3).normal(size=5).astype(np.float32)
    batch, b = np.arange(N), PROBLEM.b * N**0.5  # as printed, without the factor N^(-1/2)
    x, p, printed_p = N**0.5 * q, np.zeros(5), np.zeros(5)
    for _ in range(20):
        gradient = (-N * PROBLEM.A.mean(0) @ x + N * b.mean(0) + x**3) / N
        printed_p = (mass / h * printed_p - gradient) / (mass / h + friction)
        x = x + h * printed_p
        p = (mass / h * p - PROBLEM.gradient(q[:, None], batch)[:, 0]) / (mass / h + friction)
        q = q + h * p
    np.testing.assert_allclose(x, N**0.5 * q, rtol=1e-4, atol=1e-4)


def test_sgd_at_the_effective_rate_is_sgmp_without_mass():
    none = GeometricDecay(0.0, 1.0)
    both = [Series("SGD", none, 0.05, 1.0), Series("SGMP", none, 0.01, 0.2)]
    observed, reach = descend(PROBLEM, both, np.random.default_rng(4), 50, 10)
    np.testing.assert_allclose(observed[:, 0], observed[:, 1], rtol=1e-4)
    assert reach[0] == pytest.approx(reach[1], rel=1e-4)


def test_without_disagreement_every_series_reaches_a_minimum_of_the_separable_case():
    """A = a Id and b = 0: the minimum is -a²/4 a coordinate, whichever of the 2^K is reached."""
    problem = Quartics(np.repeat(7.5 * np.eye(3, dtype=np.float32)[None], 6, axis=0), np.zeros((6, 3), np.float32))
    series = [one for one in figure_6_series(CURVATURES[0]) if "ᵏ" in one.name or one.name.startswith("SGD")]
    observed, _ = descend(problem, series, np.random.default_rng(5), 2000, 2000)
    np.testing.assert_allclose(observed[-1], -(7.5**2) / 4, rtol=1e-4)


def test_the_rows_hold_paired_differences():
    rows = figure_6(runs=3, dimension=4, num_components=6, iterations=40, seed=0, progress=lambda done: None)
    at_end = [row for row in rows if row["quantity"] == "objective" and row["x"] == 40]
    means = {(row["experiment"], row["series"]): row["value"] for row in at_end}
    differences = [row for row in rows if row["quantity"] == "difference" and row["x"] == 40]
    assert len(differences) == 2 * 8 * 7
    for row in differences:
        expected = means[row["experiment"], row["series"]] - means[row["experiment"], row["note"]]
        assert row["value"] == pytest.approx(expected, abs=1e-5)  # of means in single precision
