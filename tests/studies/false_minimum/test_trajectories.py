"""Figures 1 and 2: closed forms against their equations, the flow in the well against the damped oscillator."""

import math

import numpy as np
import pytest

from underdamped.studies.false_minimum.trajectories import MASSES, closed_form, in_the_well, potential


@pytest.mark.parametrize("mass", MASSES)
def test_the_closed_forms_solve_their_equation(mass):
    times, h = np.linspace(0.0, 5.0, 101), 1e-4
    before, now, after = (closed_form(mass, times + shift) for shift in (-h, 0.0, h))
    m = MASSES[mass](times) if callable(MASSES[mass]) else MASSES[mass]
    residual = m * (after - 2 * now + before) / h**2 + (after - before) / (2 * h) + now
    assert np.abs(residual).max() < 1e-6
    assert now[0] == 1.0
    assert (after - before)[0] == pytest.approx(0.0, abs=h**2)


def oscillator(mass, times):
    """Solution of m q'' + q' + 2 q = 0 from q = -1 at rest, by its roots."""
    slow, fast = np.roots([mass, 1.0, 2.0]).astype(complex)
    return (-(fast * np.exp(slow * times) - slow * np.exp(fast * times)) / (fast - slow)).real


@pytest.mark.parametrize("mass", [0.05, 0.1249, 0.25, 1.0])
def test_left_of_0_the_well_is_a_damped_oscillator(mass):
    times = np.linspace(0.01, 20.0, 500)
    exact, path = oscillator(mass, times), in_the_well(mass, 1.0, -1.0, times, step=1e-3)
    left = np.logical_and.accumulate(exact < 0)
    assert np.abs(path - exact)[left].max() < 1e-5
    assert left.all() == (mass < 1 / 8)
    assert path[-1] == pytest.approx(0.5 if mass > 1 / 8 else 0.0, abs=1e-3)


def test_the_potential_has_its_two_branches():
    assert potential(np.array([-2.0, 0.0, 0.5, 1.0])).tolist() == [5.0, 1.0, 0.5, 1.0]
    assert math.isclose(potential(np.array([0.3]))[0], 2 * 0.09 - 0.6 + 1)
