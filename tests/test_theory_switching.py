"""One norm for every component: the matrix inequality on random spectra, its sharpness, and switched paths."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.optimize import minimize

from underdamped.theory import best_mass, common_norm, contraction_rate, ergodicity_threshold

seeds = st.integers(0, 2**32 - 1)
spectra = st.tuples(st.floats(0.05, 5), st.floats(1.0, 50)).map(lambda pair: (pair[0], pair[0] * pair[1]))
masses = st.floats(0.02, 20)
frictions = st.floats(0.1, 10)


def random_hessian(rng, low, high, dimension):
    orthogonal, _ = np.linalg.qr(rng.normal(size=(dimension, dimension)))
    eigenvalues = rng.uniform(low, high, dimension)
    eigenvalues[:2] = low, high  # the ends are the hard cases
    return (orthogonal * eigenvalues) @ orthogonal.T


def flow_matrix(hessian, mass, friction):
    eye = np.eye(len(hessian))
    return np.block([[0 * eye, eye], [-hessian / mass, -friction / mass * eye]])


def norm_matrix(norm, dimension):
    alpha, m, eye = norm.friction, norm.mass, np.eye(dimension)
    cross = m * alpha / 2 * eye
    return np.block([[(alpha**2 / 4 + norm.stiffness) * eye, cross], [cross, m * m * eye]])


@given(spectra, masses, frictions, seeds)
def test_every_hessian_is_contracted_at_the_rate(ends, mass, friction, seed):
    norm = common_norm(*ends, mass, friction)
    F = flow_matrix(random_hessian(np.random.default_rng(seed), *ends, dimension=3), mass, friction)
    P = norm_matrix(norm, dimension=3)
    excess = P @ F + F.T @ P + 2 * norm.rate * P  # d/dt |z|^2 + 2 r |z|^2, to be <= 0
    assert np.linalg.eigvalsh(P).min() >= -1e-12 * np.abs(P).max()
    assert np.linalg.eigvalsh(excess).max() <= 1e-12 * (np.abs(P).max() * np.abs(F).max() + np.abs(excess).max())


@given(seeds)
def test_the_norm_is_the_quadratic_form(seed):
    rng = np.random.default_rng(seed)
    norm, q, p = common_norm(1.0, 3.0, 0.7, 1.3), rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    z = np.concatenate([q, p], axis=1)
    np.testing.assert_allclose(norm(q, p) ** 2, np.einsum("ni,ij,nj->n", z, norm_matrix(norm, 2), z), rtol=1e-12)


def best_rate_by_search(low, high, mass, friction):
    """Largest contraction rate over all norms |mp + b q|^2 + s |q|^2 in dimension one, found by a simplex search."""

    def growth(point):
        b, s = point[0], math.exp(point[1])
        triangle = np.array([[b, mass], [math.sqrt(s), 0.0]])  # |triangle z| is the norm
        inverse = np.linalg.inv(triangle)
        rates = []
        for curvature in (low, high):
            image = triangle @ flow_matrix(np.array([[curvature]]), mass, friction) @ inverse
            rates.append(np.linalg.eigvalsh(image + image.T).max() / 2)
        return max(rates)

    options = {"xatol": 1e-11, "fatol": 1e-13, "maxiter": 4000}
    starts = [(friction / 2, math.log(mass * high * scale)) for scale in (0.3, 1.0)]
    return max(-minimize(growth, start, method="Nelder-Mead", options=options).fun for start in starts)


@pytest.mark.parametrize(
    ("low", "high", "mass", "friction"),
    [(1, 4, 1, 1.5), (1, 4, 1, 2.5), (0.3, 9, 0.2, 1.2), (1, 4, 1, 0.8), (1, 2, 1, 3.0), (0.5, 1, 4, 7.0)],
)
def test_no_quadratic_norm_is_better(low, high, mass, friction):
    found = best_rate_by_search(low, high, mass, friction)
    assert found == pytest.approx(common_norm(low, high, mass, friction).rate, rel=1e-6)


@given(spectra, masses, frictions)
def test_the_circle_criterion_is_an_equality_at_the_rate(ends, mass, friction):
    # The proof that no quadratic norm is better: in the decay e^-rt the oscillators are these, and just at the bound.
    (low, high), rate = ends, common_norm(*ends, mass, friction).rate
    shift = mass * rate**2 - friction * rate
    scale = friction**2 / mass + mass * rate**2 + high
    if friction**2 >= mass * (high + 3 * low):
        assert low + shift == pytest.approx(0, abs=1e-12 * scale)
    else:
        assert low + shift >= -1e-12 * scale
        gap = math.sqrt(high + shift) - math.sqrt(max(low + shift, 0.0))
        # Where the two cases meet mu' is 0, and its root has half the digits.
        assert friction - 2 * mass * rate == pytest.approx(math.sqrt(mass) * gap, rel=1e-6, abs=1e-6 * friction)


@given(spectra, masses)
def test_the_rate_changes_sign_at_the_threshold(ends, mass):
    threshold = ergodicity_threshold(*ends, mass)
    if threshold > 1e-3:
        assert common_norm(*ends, mass, 1.001 * threshold).rate > 0
        assert common_norm(*ends, mass, 0.999 * threshold).rate < 0


@given(st.floats(0.05, 5), frictions)
def test_the_best_mass_is_safe_under_switching_up_to_a_ratio_of_9(curvature, friction):
    mass = best_mass(curvature, friction)
    assert ergodicity_threshold(curvature, 8.999 * curvature, mass) < friction
    assert ergodicity_threshold(curvature, 9.001 * curvature, mass) > friction


@given(spectra, masses, frictions)
def test_the_rate_is_never_above_that_of_the_slowest_mode(ends, mass, friction):
    low, high = ends
    rate, slowest = common_norm(low, high, mass, friction).rate, contraction_rate(low, mass, friction)
    assert rate <= slowest * (1 + 1e-9)
    if friction**2 >= mass * (high + 3 * low):
        assert rate == slowest


@given(st.floats(0.05, 5), frictions, st.floats(0.02, 20))
def test_equal_curvatures_lose_nothing(curvature, friction, mass):
    assert common_norm(curvature, curvature, mass, friction).rate == pytest.approx(
        contraction_rate(curvature, mass, friction), rel=1e-12
    )


@given(seeds, frictions)
def test_switched_paths_approach_each_other_at_the_rate(seed, friction):
    rng = np.random.default_rng(seed)
    low, high, mass = 0.5, 6.0, 1.5
    norm = common_norm(low, high, mass, friction)
    z, now = rng.normal(size=(4,)), 0.0
    start = norm(z[:2], z[2:])
    for wait in rng.exponential(0.7, size=12):
        z, now = expm(wait * flow_matrix(random_hessian(rng, low, high, 2), mass, friction)) @ z, now + wait
        assert norm(z[:2], z[2:]) <= start * math.exp(-norm.rate * now) * (1 + 1e-10)


def test_below_the_threshold_switching_two_stable_modes_can_diverge():
    # So the threshold is no artefact of the proof: each mode alone is stable, and this order of them is not.
    low, high, mass, friction = 1.0, 16.0, 1.0, 0.5
    assert common_norm(low, high, mass, friction).rate < 0
    flow = [flow_matrix(np.array([[a]]), mass, friction) for a in (high, low)]
    quarters = [math.pi / 2 / math.sqrt(a / mass - (friction / (2 * mass)) ** 2) for a in (high, low)]
    period = expm(quarters[1] * flow[1]) @ expm(quarters[0] * flow[0])
    assert np.abs(np.linalg.eigvals(period)).max() > 1
    assert all(np.linalg.eigvals(F).real.max() < 0 for F in flow)


def test_at_mass_0_the_distance_itself_contracts():
    norm = common_norm(0.5, 4.0, 0.0, 2.0)
    assert norm.rate == 0.25
    assert norm(np.array([3.0, 4.0]), np.array([7.0, 7.0])) == pytest.approx(5 * norm(np.array([1.0]), np.array([0.0])))
