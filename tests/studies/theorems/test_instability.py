"""Random switching: growth of paths against products of matrix exponentials, edges from both sides."""

import jax
import numpy as np
import pytest
import scipy.linalg

from underdamped.process import Quadratic, UniformSwitching, mean_square_abscissa
from underdamped.process.distances import mean_interval
from underdamped.studies.theorems.instability import SPRINGS, _growth, _lightest_unstable_mass, heavy_mass_rate


@pytest.fixture(autouse=True)
def _double_precision():
    with jax.enable_x64(True):
        yield


def _springs(curvatures=SPRINGS):
    return Quadratic([[a] for a in curvatures], [[0.0]] * len(curvatures))


def test_equal_springs_lose_their_swing_at_half_the_friction_over_the_mass():
    found = _growth(_springs((9.0, 9.0)), UniformSwitching(2, 1.0), 1.0, 4, jax.random.key(0))
    np.testing.assert_allclose(found, -0.5, atol=0.06)  # a swing of at most log(3) over the second half of 20 * 3


def test_growth_of_paths_is_that_of_a_product_of_random_matrices():
    mass, rate, switches = 10.0, 1.0, 20_000
    rng = np.random.default_rng(0)
    flows = [np.array([[0.0, 1.0], [-a / mass, -1 / mass]]) for a in SPRINGS]
    logs, z, elapsed = [], np.array([1.0, 0.0]), 0.0
    for _ in range(switches):
        hold = rng.exponential(1 / rate)
        z = scipy.linalg.expm(flows[rng.integers(2)] * hold) @ z
        size = np.hypot(z[0], np.sqrt(mass) * z[1])
        logs.append(np.log(size))
        z, elapsed = z / size, elapsed + hold
    blocks = np.array(logs).reshape(100, -1).sum(1)
    reference = mean_interval(blocks)
    ours = mean_interval(_growth(_springs(), UniformSwitching(2, rate), mass, 400, jax.random.key(1)))
    per_time = switches / 100 / rate
    error = np.hypot(reference.high - reference.low, (ours.high - ours.low) * per_time) / 3.92 / per_time
    assert abs(ours.value - reference.value / per_time) < 4 * error
    assert ours.low > 0  # both springs are stable alone


def test_the_lightest_unstable_mass_is_an_edge():
    mass = _lightest_unstable_mass(_springs(), 2.0)
    before, after = (
        mean_square_abscissa(_springs(), UniformSwitching(2, 2.0), mass=factor * mass) for factor in (0.99, 1.01)
    )
    assert before < 0 < after


def test_no_mass_is_unstable_under_fast_switching():
    assert np.isnan(_lightest_unstable_mass(_springs(), 50.0))


def test_the_rate_that_heavy_masses_need_is_an_edge():
    below, above = (
        mean_square_abscissa(_springs(), UniformSwitching(2, factor * heavy_mass_rate()), mass=1e4)
        for factor in (0.97, 1.03)
    )
    assert above < 0 < below
