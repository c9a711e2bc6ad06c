"""The split potential, Wilson's interval, and shares of paths against a simulation that shares no code with ours."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped.process.landscapes import relu_well
from underdamped.studies.false_minimum.boundary import flow_passes
from underdamped.studies.false_minimum.subsampling import TERMS, shares, wilson


@pytest.mark.parametrize("q", [-1.5, -0.2, 0.1, 0.5, 2.0])
def test_the_terms_average_to_the_potential(q):
    position = jnp.array([q])
    assert float(TERMS.potential(position)) == pytest.approx(float(relu_well().potential(position)), rel=1e-6)
    assert float(TERMS.gradient(position)[0]) == pytest.approx(float(relu_well().gradient(position)[0]), abs=1e-6)
    first, second = (float(TERMS.gradient(position, jnp.array([k]))[0]) for k in (0, 1))
    assert first == pytest.approx(4 * (q - 1) if q > 0 else 0.0, abs=1e-6)
    assert second == pytest.approx(4 * q, abs=1e-6)


@pytest.mark.parametrize(("share", "count"), [(0.0, 50), (0.02, 100), (0.5, 400), (0.97, 1000), (1.0, 7)])
def test_the_ends_of_the_interval_are_two_standard_errors_away(share, count):
    """Wilson's ends are the probabilities from which the share is 1.96 of *their* standard errors away."""
    found = wilson(share, count)
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(share - end) == pytest.approx(1.959963984540054 * math.sqrt(end * (1 - end) / count))
    assert 0 <= found.low <= share <= found.high <= 1
    assert found.high > found.low


@pytest.mark.parametrize(("mass", "friction"), [(0.5, 1.5), (0.5, 2.5), (2.0, 4.5), (3.0, 4.5)])
def test_the_full_gradient_passes_where_the_flow_does(mass, friction):
    found = shares(mass, friction, math.inf, -1.0, 50.0, 0.05, 10, jax.random.key(0))
    assert found.passed.value == found.right.value == flow_passes(mass, friction)


def simulated(mass, friction, rate, duration, paths, step=2e-3):
    """Shares of paths that passed 0, and are right of it, by tiny Euler steps; switches at multiples of them."""
    random = np.random.default_rng(7)
    q, p, term = np.full(paths, -1.0), np.zeros(paths), random.integers(2, size=paths)
    passed = np.zeros(paths, bool)
    for _ in range(round(duration / step)):
        force = np.where(term == 1, -4 * q, np.where(q > 0, -4 * (q - 1), 0.0))
        p = p + step / mass * (force - friction * p)
        q = q + step * p
        passed |= q > 0
        redrawn = random.random(paths) < -np.expm1(-rate * step)
        term = np.where(redrawn, random.integers(2, size=paths), term)
    return passed.mean(), (q > 0).mean()


@pytest.mark.parametrize(("mass", "friction", "rate"), [(0.5, 2.5, 1.0), (1.0, 1.0, 3.0), (2.0, 4.0, 1.0)])
def test_shares_are_those_of_another_simulation(mass, friction, rate):
    paths = 4000
    found = shares(mass, friction, rate, -1.0, 4.0, 0.02, paths, jax.random.key(1))
    for one, other in zip((found.passed, found.right), simulated(mass, friction, rate, 4.0, paths), strict=True):
        pooled = (one.value + other) / 2
        assert 0.05 < pooled < 0.99
        assert abs(one.value - other) / math.sqrt(2 * pooled * (1 - pooled) / paths) < 4


def test_beyond_the_bound_no_path_passes():
    found = shares(0.5, 3.0, 1.0, -1.0, 20.0, 0.05, 200, jax.random.key(0))
    assert found.passed.value == found.right.value == 0
    assert 0 < found.passed.high < 0.02


@pytest.mark.slow
def test_half_of_the_time_is_half_of_it():
    """The flow at m = alpha = 1 passes at time 1.46: within 2, and not within 1."""
    late, early = (shares(1.0, 1.0, math.inf, -1.0, end, 0.3, 1, jax.random.key(0)) for end in (2.0, 4.0))
    assert (late.passed_half.value, late.passed.value) == (0.0, 1.0)
    assert early.passed_half.value == 1.0
