"""The exact criteria against plain iteration, the roots of the flow, and random switching by matrix exponentials."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from reference import sgmp_steps
from underdamped.studies.false_minimum.boundary import flow_passes, passing_time, scheme_passes, split_can_pass


@settings(deadline=None)
@given(st.floats(0.05, 2.0), st.floats(0.0, 5.0), st.floats(0.05, 5.0))
def test_the_scheme_passes_where_plain_iteration_changes_its_sign(step, mass, friction):
    margin = math.sqrt(8 * mass) + 2 * step - friction
    assume(abs(margin) > 0.02)  # half a period is then below 45, at most 900 steps
    with np.errstate(all="ignore"):  # far beyond the stability limit it overflows, after having changed its sign
        path, _ = sgmp_steps(lambda q, n: 2 * q, [-1.0], [step] * 1500, [mass] * 1500, friction)
    assert scheme_passes(step, mass, friction) == (path > 1e-300).any()  # below, rounding decides


@given(st.floats(0.01, 5.0), st.floats(0.05, 5.0))
def test_the_flow_passes_where_its_roots_are_complex(mass, friction):
    assume(abs(friction**2 - 8 * mass) > 1e-6)
    assert flow_passes(mass, friction) == (np.roots([mass, friction, 2.0]).imag != 0).any()


@given(st.floats(0.01, 5.0), st.floats(0.05, 5.0))
def test_at_the_time_of_passing_the_flow_is_at_0_and_before_it_is_not(mass, friction):
    time = passing_time(mass, friction)
    assert math.isfinite(time) == flow_passes(mass, friction)
    assume(time < 50 * mass / friction)  # the factor e^(-alpha t / 2m) stays above 1e-11
    generator = np.array([[0.0, 1.0], [-2 / mass, -friction / mass]])
    at = lambda t: (expm(generator * t) @ [-1.0, 0.0])[0]  # noqa: E731
    scale = math.exp(-friction * time / (2 * mass))
    assert at(time) == pytest.approx(0, abs=1e-6 * scale + 1e-13)
    assert all(at(share * time) < 0 for share in (0.1, 0.5, 0.9, 0.99))


@given(st.floats(0.01, 5.0), st.floats(0.05, 5.0))
def test_the_scheme_tends_to_the_flow(mass, friction):
    assume(abs(friction - math.sqrt(8 * mass)) > 1e-6)
    assert scheme_passes(1e-9, mass, friction) == flow_passes(mass, friction)


@pytest.mark.parametrize("bound", [4, 40, 400])
@pytest.mark.parametrize("friction", [0.5, 2.0, 5.0])
def test_with_the_rule_the_boundary_is_moved_by_two_over_the_bound(bound, friction):
    """8m = alpha^2 (1 - 2/L)^2: on either side of it."""
    mass = friction**2 * (1 - 2 / bound) ** 2 / 8
    assert scheme_passes(friction / bound, mass * 1.000001, friction)
    assert not scheme_passes(friction / bound, mass * 0.999999, friction)


def test_on_the_boundary_none_passes():
    assert not flow_passes(0.5, 2.0)
    assert not scheme_passes(0.5, 0.5, 3.0)
    assert not scheme_passes(0.5, 0.0, 1.0)  # gradient descent with h = alpha/2 lands on 0, where the gradient is 0
    assert scheme_passes(0.51, 0.0, 1.0)
    assert not split_can_pass(1.0, 4.0)


def highest(mass, friction, paths=200, stays=60):
    """Highest position of many randomly switched paths left of 0, each stay solved exactly; none goes on beyond 0."""
    random = np.random.default_rng(0)
    best = -math.inf
    for _ in range(paths):
        state, force = np.array([-1.0, 0.0]), 4.0
        for _ in range(stays):
            matrix = np.array([[0.0, 1.0], [-force / mass, -friction / mass]])
            for part in np.array_split(np.full(8, random.exponential(1.0) / 8), 8):
                state = expm(matrix * part.sum()) @ state
                if state[0] > 0:
                    return state[0]
            best, force = max(best, state[0]), 4.0 - force
            if state[0] > -1e-12:
                break
    return best


@pytest.mark.parametrize(("mass", "friction"), [(1.0, 4.0), (0.5, 3.0), (0.1, 1.3)])
def test_no_switching_passes_beyond_the_bound_of_splits(mass, friction):
    assert not split_can_pass(mass, friction)
    assert highest(mass, friction, paths=20) <= 0


@pytest.mark.parametrize(("mass", "friction"), [(1.0, 3.5), (0.5, 2.6)])
def test_between_the_bounds_some_path_passes_though_the_flow_does_not(mass, friction):
    assert split_can_pass(mass, friction)
    assert not flow_passes(mass, friction)
    assert highest(mass, friction) > 0
