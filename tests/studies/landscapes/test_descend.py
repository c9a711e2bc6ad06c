"""The compiled loop against closed forms: identities between methods, the plain loop, the law of Langevin noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped.process.landscapes import Landscape
from underdamped.studies.landscapes.basins import in_global_basin
from underdamped.studies.landscapes.descend import descend, draw_batch
from underdamped.studies.landscapes.methods import METHODS
from underdamped.studies.landscapes.problems import Problem, styblinski

STYBLINSKI = styblinski(2)


def bowl(curvature=4.0):
    """One quadratic without noise."""
    target = Landscape(lambda q, y: 0.5 * curvature * q @ q + y @ q, jnp.zeros((2, 1)), [[0.0]])
    return Problem("bowl", target, 1.0, curvature, target.potential)


def test_constant_mass_is_classical_momentum_run_for_run():
    settings = {"step": jnp.full(64, 0.4), "lost": jnp.geomspace(0.02, 0.5, 64)}
    starts, key = STYBLINSKI.starts(jax.random.key(0), 64), jax.random.key(1)
    momentum = descend(STYBLINSKI, METHODS["momentum"], settings, starts, key, 30)
    kept = descend(STYBLINSKI, METHODS["dmSGMP"], settings | {"left": jnp.ones(64)}, starts, key, 30)
    np.testing.assert_allclose(momentum, kept, rtol=2e-3, atol=2e-3)


def test_a_falling_mass_is_the_plain_loop():
    problem, steps = bowl(), 40
    settings = {"step": np.array([0.5, 1.0]), "lost": np.array([0.1, 0.3]), "left": np.array([1e-3, 0.1])}
    ends = descend(problem, METHODS["dmSGMP"], settings, jnp.ones((2, 1)), jax.random.key(0), steps)
    for own in range(2):
        step, lost, left = (settings[name][own] for name in ("step", "lost", "left"))
        h, q, p = step / 4.0, 1.0, 0.0
        for k in range(steps):
            m = h * (1 - lost) / lost * left ** (k / steps)
            p = (m / h * p - 4.0 * q) / (m / h + 1.0)
            q = q + h * p
        assert float(ends[own, 0]) == pytest.approx(q, abs=1e-5)


@pytest.mark.parametrize("name", ["SGHMC", "SGHMC, annealed"])
def test_langevin_noise_has_its_temperature(name):
    """On a a q²/2 the stationary variance is T/a up to the step; annealing leaves less, but not more."""
    runs = 20_000
    settings = {"step": np.full(runs, 0.05), "lost": np.full(runs, 0.1), "temperature": np.full(runs, 0.2)}
    ends = descend(bowl(), METHODS[name], settings, jnp.zeros((runs, 1)), jax.random.key(0), 600)
    variance, expected = float(ends.var()), 0.2  # T/a with T = 0.2 a
    if name == "SGHMC":
        assert variance == pytest.approx(expected, rel=0.05)
    else:
        assert variance < 0.3 * expected


def test_batches_are_uniform_and_without_repetition():
    batches = np.asarray(draw_batch(jax.random.key(0), 20_000, 6, 3))
    assert all(len(set(batch)) == 3 for batch in batches[:2000])
    counts = np.bincount(batches.ravel(), minlength=6)
    assert np.abs(counts - 10_000).max() < 4.5 * (20_000 * 0.5 * 0.5) ** 0.5
    assert draw_batch(jax.random.key(0), 5, 6, 6) is None


def test_basins_of_a_separable_landscape_are_known_exactly():
    """Each coordinate falls to the deep well if and only if it starts below the maximum between the two."""
    ridge = sorted(np.roots([4.0, 0.0, -32.0, 5.0]).real)[1]
    starts = STYBLINSKI.starts(jax.random.key(3), 2000)
    away = (jnp.abs(starts - ridge) > 1e-3).all(-1)
    expected = (starts < ridge).all(-1)
    assert (in_global_basin(STYBLINSKI, starts) == expected)[away].all()
    assert 0.2 < expected.mean() < 0.35


def test_runs_that_leave_do_not_spoil_the_others():
    far = jnp.array([[1e30, 0.0], [jnp.inf, 0.0], [-2.9, -2.9]])
    assert in_global_basin(STYBLINSKI, far).tolist() == [False, False, True]


def test_settings_cover_their_ranges():
    for method in METHODS.values():
        drawn = method.draw(64, seed=0)
        for name, (low, high) in method.ranges.items():
            places = np.log(drawn[name] / low) / np.log(high / low)
            assert places.min() >= 0
            assert places.max() <= 1
            assert np.histogram(places, 4, (0, 1))[0].min() >= 12
