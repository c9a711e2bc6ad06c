"""The exact stationary spread against closed forms, enumeration of all batches, and simulation."""

import itertools

import jax
import numpy as np
import pytest

from underdamped import semi_implicit_euler
from underdamped.process import Quadratic
from underdamped.studies.descent.batches import draw_batches
from underdamped.studies.descent.spread import batch_noise, exact_spread, leading_spread, measured_spread


@pytest.fixture
def problem():
    generator = np.random.default_rng(0)
    x = generator.standard_normal((5, 2))
    A = x[:, :, None] * x[:, None, :] + 0.3 * np.eye(2)
    b = generator.standard_normal((5, 2))
    with jax.enable_x64(True):
        yield Quadratic(A, b), np.linalg.solve(A.mean(0), b.mean(0))


@pytest.mark.parametrize("mass", [0.0, 0.4])
@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_exact_spread_is_the_fixed_point_over_all_batches(problem, mass, batch_size):
    """Second moments iterated with the mean over every subset, none of the formula's algebra."""
    target, minimizer = problem
    h, friction = 0.2, 1.5
    decay, gain = semi_implicit_euler(h, mass, friction)
    A, r = np.asarray(target.A), np.asarray(target.A) @ minimizer - np.asarray(target.b)
    maps = []
    for batch in map(list, itertools.combinations(range(5), batch_size)):
        mean_A, mean_r = A[batch].mean(0), r[batch].mean(0)
        velocity = np.hstack([-gain * mean_A, decay * np.eye(2)])
        maps.append((np.vstack([np.eye(2, 4) + h * velocity, velocity]), -gain * np.concatenate([h * mean_r, mean_r])))
    moments = np.zeros((4, 4))
    for _ in range(4000):
        moments = np.mean([M @ moments @ M.T + np.outer(c, c) for M, c in maps], axis=0)
    expected = np.trace(moments[:2, :2])
    found = exact_spread(batch_noise(target, minimizer, batch_size), h, mass, friction)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert (found < 1e-15) == (batch_size == 5)


def test_small_steps_spread_by_the_leading_order(problem):
    noise = batch_noise(*problem, batch_size=2)
    errors = [exact_spread(noise, h, mass=0.0) / leading_spread(noise, h) - 1 for h in (1e-3, 5e-4)]
    assert abs(errors[0]) < 1e-2
    assert errors[0] / errors[1] == pytest.approx(2.0, rel=0.05)  # the rest is of the next order


def test_the_leading_order_holds_for_any_mass_where_noise_and_curvature_commute():
    spring = Quadratic([[[1.5]], [[0.5]]], [[1.0], [-1.0]])
    noise = batch_noise(spring, np.zeros(1), batch_size=1)
    for mass in (0.1, 1.0, 10.0):
        assert exact_spread(noise, 1e-4, mass) == pytest.approx(leading_spread(noise, 1e-4), rel=1e-3)


def test_beyond_mean_square_stability_there_is_no_spread(problem):
    """SGD on one curvature is stable below h = 2/a; the mass raises the limit."""
    spring = Quadratic([[[1.0]], [[1.0]]], [[1.0], [-1.0]])
    noise = batch_noise(spring, np.zeros(1), batch_size=1)
    assert np.isfinite(exact_spread(noise, 1.99, 0.0))
    assert exact_spread(noise, 2.01, 0.0) == np.inf
    assert np.isfinite(exact_spread(noise, 2.01, 0.1))


@pytest.mark.parametrize("mass", [0.0, 0.5])
def test_simulation_agrees_with_the_exact_spread(problem, mass):
    target, minimizer = problem
    batches = draw_batches(np.random.default_rng(3), 5, 2, (4000, 200))
    found = measured_spread(target, minimizer, [0.3], [mass], batches, burn_in=1000)[0]
    exact = exact_spread(batch_noise(target, minimizer, 2), 0.3, mass)
    assert abs(found.mean() - exact) < 4 * found.std(ddof=1) / np.sqrt(len(found))
