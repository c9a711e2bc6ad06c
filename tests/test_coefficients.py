"""Identities of the step's coefficients, and the stability boundary from both sides."""

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reference import sgmp_steps
from underdamped import (
    heavy_ball_to_sgmp,
    mass_from_decay,
    semi_implicit_euler,
    sgmp_to_heavy_ball,
    stability_limit,
)

step_sizes = st.floats(1e-6, 1e3)
masses = st.one_of(st.just(0.0), st.floats(1e-9, 1e3))
frictions = st.floats(1e-3, 1e3)


@given(step_sizes, masses, frictions)
def test_decay_and_gain_share_the_step(step_size, mass, friction):
    decay, gain = semi_implicit_euler(step_size, mass, friction)
    assert 0 <= decay < 1 or mass > 1e12 * friction * step_size
    assert gain > 0
    assert decay + friction * gain == pytest.approx(1, abs=1e-15)


@given(st.floats(1e-3, 1e3), st.floats(0, 1e3), st.floats(0.1, 10), st.floats(1e-3, 1e3))
def test_rescaling_the_objective_rescales_step_and_mass(step_size, mass, friction, scale):
    # Remark 21: Phi' = s Phi, h' = h/s, m' = m/s gives the same positions: h' gain' s = h gain / s * s.
    decay, gain = semi_implicit_euler(step_size, mass, friction)
    scaled_decay, scaled_gain = semi_implicit_euler(step_size / scale, mass / scale, friction)
    assert scaled_decay == pytest.approx(decay, rel=1e-12, abs=1e-15)
    assert step_size / scale * scaled_gain * scale == pytest.approx(step_size * gain, rel=1e-12)


def test_mass_zero_is_gradient_descent():
    assert semi_implicit_euler(0.3, 0.0, 1.0) == (0.0, 1.0)


@given(st.floats(1e-6, 10), st.floats(0, 0.999), frictions)
def test_heavy_ball_and_back(lr, momentum, friction):
    step_size, mass = heavy_ball_to_sgmp(lr, momentum, friction)
    back_lr, back_momentum = sgmp_to_heavy_ball(step_size, mass, friction)
    assert back_lr == pytest.approx(lr, rel=1e-12)
    assert back_momentum == pytest.approx(momentum, abs=1e-14)
    assert mass_from_decay(momentum, step_size, friction) == mass


@given(st.floats(1e-3, 1), st.floats(0, 0.99), st.integers(0, 100))
def test_heavy_ball_moves_as_the_scheme(lr, momentum, seed):
    gradients = np.random.default_rng(seed).normal(size=(20, 2))
    step_size, mass = heavy_ball_to_sgmp(lr, momentum)
    expected, _ = sgmp_steps(lambda q, n: q + gradients[n], np.ones(2), [step_size] * 20, [mass] * 20, 1.0)
    q, buffer = np.ones(2), np.zeros(2)
    for n in range(20):
        buffer = momentum * buffer + q + gradients[n]
        q = q - lr * buffer
        np.testing.assert_allclose(q, expected[n], rtol=1e-11, atol=1e-11)


@given(st.floats(1e-2, 1e2), st.floats(0, 10), st.floats(0.1, 10))
def test_stability_limit_is_sharp(curvature, mass, friction):
    limit = stability_limit(curvature, mass, friction)
    assert limit >= 2 * friction / curvature * (1 - 1e-15)

    def spectral_radius(step_size):
        decay, gain = semi_implicit_euler(step_size, mass, friction)
        velocity_row = [decay, -gain * curvature]
        step = np.array([velocity_row, [step_size * velocity_row[0], 1 + step_size * velocity_row[1]]])
        assert np.linalg.det(step) == pytest.approx(decay, abs=1e-9)  # conformally symplectic
        return np.abs(np.linalg.eigvals(step)).max()

    assume(limit * curvature < 1e6)
    assert spectral_radius(0.999 * limit) < 1
    assert spectral_radius(1.001 * limit) > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: heavy_ball_to_sgmp(0.1, 1.0), "`momentum` must be in [0, 1), got 1.0"),
        (lambda: heavy_ball_to_sgmp(math.nan, 0.9), "`lr` must be finite, got nan"),
        (lambda: sgmp_to_heavy_ball(0.0, 1.0), "`step_size` must be positive, got 0.0"),
        (lambda: sgmp_to_heavy_ball(1.0, -1.0), "`mass` must be non-negative, got -1.0"),
        (lambda: sgmp_to_heavy_ball(1.0, 1.0, 0.0), "`friction` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
