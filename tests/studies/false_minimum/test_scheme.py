"""Where the scheme comes to rest, against the plain loop run until nothing moves."""

import numpy as np
import pytest

from reference import sgmp_steps
from underdamped.studies.false_minimum.boundary import scheme_passes
from underdamped.studies.false_minimum.scheme import DIVERGES, MOVES, REACHES, STOPS, centres, grid_of, outcomes


def gradient(q, n):
    return np.where(q > 0, 4 * q - 2, 2 * q)


def outcome(step, mass, friction, start=-1.0):
    table = np.full((1, 1), 1.0)
    return outcomes(step * table, mass * table, friction * table, start)[0, 0]


@pytest.mark.parametrize("start", [-1.0, -3.0])
@pytest.mark.parametrize(
    ("step", "mass", "friction"),
    [
        (0.25, 0.0, 1.0), (0.25, 0.04, 1.0), (0.25, 0.02, 1.0), (0.1, 2.0, 0.5), (0.02, 0.11, 1.0), (0.02, 0.13, 1.0),
        (1.0, 0.6, 4.0), (1.0, 0.4, 4.0), (0.125, 1e-4, 0.5), (0.1, 5.0, 0.2),
    ],
)  # fmt: skip
def test_it_is_where_the_plain_loop_ends(step, mass, friction, start):
    """With L >= 2 the shortcut by energy stands for a run of thousands of steps more."""
    path, _ = sgmp_steps(gradient, [start], [step] * 20_000, [mass] * 20_000, friction)
    expected = {STOPS: 0.0, REACHES: 0.5}[outcome(step, mass, friction, start)]
    assert path[-1, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("bound", [4.0, 40.0])
def test_a_map_agrees_with_the_exact_boundary(bound):
    steps, masses, frictions = grid_of(12, 5.0, lambda friction: friction / bound)
    exact = np.vectorize(scheme_passes)(steps, masses, frictions)
    np.testing.assert_array_equal(outcomes(steps, masses, frictions, -1.0), np.where(exact, REACHES, STOPS))


def test_beyond_stability_it_diverges():
    """Right of 0 the curvature is 4: stable if and only if 4 h^2 < 4 m + 2 alpha h."""
    assert outcome(1.0, 0.01, 0.01) == DIVERGES


def test_where_the_energy_may_grow_it_can_circle_for_ever():
    """Each branch alone is stable here, 4 h^2 = 0.25 < 4 m; the kink between them feeds the motion."""
    step, mass, friction = 0.25, 0.45, 0.05
    path, _ = sgmp_steps(gradient, [-1.0], [step] * 40_000, [mass] * 40_000, friction)
    assert np.ptp(path[-200:]) > 0.1
    assert np.abs(path).max() < 10
    assert outcome(step, mass, friction) == MOVES


def test_centres_leave_out_the_edge():
    np.testing.assert_allclose(centres(100, 5.0)[[0, -1]], [0.025, 4.975])
