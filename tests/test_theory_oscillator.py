"""The rates of oscillator and step against eigenvalues, and against exact arithmetic near critical damping."""

import math
import re
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from underdamped import semi_implicit_euler, stability_limit
from underdamped.theory import best_mass, contraction_factor, contraction_rate, step_rule, worst_contraction_factor

curvatures = st.floats(1e-2, 1e2)
masses = st.floats(1e-2, 1e2)
frictions = st.floats(1e-1, 1e1)
step_sizes = st.floats(1e-3, 1e1)


def step_matrix(step_size, curvature, mass, friction):
    """One step in the variables q and h p, which are of one size."""
    decay, gain = semi_implicit_euler(step_size, mass, friction)
    pull = -step_size * gain * curvature
    return np.array([[1 + pull, decay], [pull, decay]])


@given(curvatures, masses, frictions)
def test_the_rate_is_the_spectral_abscissa(curvature, mass, friction):
    assume(abs(friction**2 - 4 * curvature * mass) > 1e-6 * friction**2)  # NumPy's eigenvalues split double ones
    flow = np.array([[0.0, 1.0], [-curvature / mass, -friction / mass]])
    slowest = -np.linalg.eigvals(flow).real.max()
    assert contraction_rate(curvature, mass, friction) == pytest.approx(slowest, rel=1e-6, abs=1e-10)


@given(frictions, st.floats(0.1, 10), st.integers(-8, 8))
def test_near_critical_damping_all_digits_are_right(friction, curvature, ulps):
    mass = friction**2 / (4 * curvature)
    for _ in range(abs(ulps)):
        mass = math.nextafter(mass, math.copysign(math.inf, ulps))
    with localcontext() as context:
        context.prec = 80
        a, m, alpha = Decimal(curvature), Decimal(mass), Decimal(friction)
        square = alpha * alpha - 4 * a * m
        exact = (alpha - (square.sqrt() if square > 0 else 0)) / (2 * m)
    assert contraction_rate(curvature, mass, friction) == pytest.approx(float(exact), rel=1e-15)


@given(curvatures, frictions)
def test_a_vanishing_mass_gives_the_gradient_flow(curvature, friction):
    assert contraction_rate(curvature, 0.0, friction) == pytest.approx(curvature / friction, rel=1e-15)
    assert contraction_rate(curvature, 1e-300, friction) == pytest.approx(curvature / friction, rel=1e-15)


@given(st.tuples(curvatures, curvatures), masses, frictions)
def test_the_flattest_direction_is_the_slowest(pair, mass, friction):
    low, high = sorted(pair)
    assert contraction_rate(low, mass, friction) <= contraction_rate(high, mass, friction) * (1 + 1e-14)


@given(curvatures, frictions, st.floats(1e-3, 1e3))
def test_no_other_mass_is_better(min_curvature, friction, factor):
    mass = best_mass(min_curvature, friction)
    best = contraction_rate(min_curvature, mass, friction)
    assert best == pytest.approx(2 * min_curvature / friction, rel=1e-7)
    assert contraction_rate(min_curvature, factor * mass, friction) <= best * (1 + 1e-7)


@given(curvatures, frictions)
def test_the_step_rule_is_half_the_limit_at_mass_0(curvature, friction):
    assert step_rule(curvature, friction) == pytest.approx(stability_limit(curvature, 0.0, friction) / 2, rel=1e-14)


@given(step_sizes, curvatures, st.one_of(st.just(0.0), masses), frictions)
def test_the_factor_is_the_spectral_radius_of_the_step(step_size, curvature, mass, friction):
    eigenvalues = np.linalg.eigvals(step_matrix(step_size, curvature, mass, friction))
    tolerance = 1e-9 + 1e-7 * (abs(eigenvalues[0] - eigenvalues[1]) < 1e-4)  # double ones are known to half the digits
    assert contraction_factor(step_size, curvature, mass, friction) == pytest.approx(
        np.abs(eigenvalues).max(), rel=tolerance, abs=tolerance
    )


@given(curvatures, masses, frictions)
def test_the_factor_is_1_at_the_stability_limit(curvature, mass, friction):
    limit = stability_limit(curvature, mass, friction)
    assert contraction_factor(limit, curvature, mass, friction) == pytest.approx(1, abs=1e-9)
    assert contraction_factor(0.999 * limit, curvature, mass, friction) < 1
    assert contraction_factor(1.001 * limit, curvature, mass, friction) > 1


@pytest.mark.parametrize("mass", [0.0, 0.2, 0.5, 3.0])
def test_small_steps_contract_like_the_flow(mass):
    rate = contraction_rate(0.5, mass, 1.5)
    errors = [abs(-math.log(contraction_factor(h, 0.5, mass, 1.5)) / h - rate) for h in (1e-2, 5e-3, 2.5e-3)]
    assert errors[2] < 1e-2 * rate
    assert math.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)
    assert math.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.1)


@given(step_sizes, st.tuples(curvatures, curvatures), masses, frictions, st.floats(0, 1))
def test_the_worst_factor_is_at_an_end(step_size, pair, mass, friction, share):
    low, high = sorted(pair)
    inside = min(low + share * (high - low), high)
    worst = worst_contraction_factor(step_size, low, high, mass, friction)
    assert contraction_factor(step_size, inside, mass, friction) <= worst * (1 + 1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contraction_rate(0.0, 1.0), "`curvature` must be positive, got 0.0"),
        (lambda: contraction_rate(1.0, -1.0), "`mass` must be non-negative, got -1.0"),
        (lambda: contraction_factor(0.1, 1.0, 1.0, 0.0), "`friction` must be positive, got 0.0"),
        (lambda: contraction_factor(math.nan, 1.0, 1.0), "`step_size` must be finite, got nan"),
        (lambda: worst_contraction_factor(0.1, 2.0, 1.0, 0.0), "`max_curvature` must be at least min_curvature=2.0"),
        (lambda: best_mass(-1.0), "`min_curvature` must be positive, got -1.0"),
        (lambda: step_rule(0.0), "`max_curvature` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
