"""Jump times and what is seen there, against closed forms and the event loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from underdamped import Constant, ExponentialDecay, PowerDecay
from underdamped.process import Dynamics, ExponentialHeun, Quadratic, UniformSwitching, simulate_coupled, switch_times
from underdamped.studies.theorems.jump_chain import distances_at_jumps
from underdamped.studies.theorems.problems import quadratic
from underdamped.studies.theorems.theorem15 import mean_mass_at_jump


@pytest.mark.parametrize("mass", [ExponentialDecay(0.7, rate=0.25), PowerDecay(0.7, rate=0.25)])
@pytest.mark.parametrize("jump", [1, 5, 40])
def test_mean_mass_is_the_integral_against_the_gamma_law(mass, jump):
    law = scipy.stats.gamma(jump, scale=1 / 2.0)
    expected = scipy.integrate.quad(lambda t: float(mass(t)) * law.pdf(t), 0, law.ppf(1 - 1e-13), epsabs=1e-13)[0]
    assert mean_mass_at_jump(mass, jump, rate=2.0) == pytest.approx(expected, rel=1e-7)


def test_one_component_is_a_damped_oscillator_at_gamma_times(x64):
    """Phi = q^2/2 from 1 at rest, mass 1: the closed form of the paper's Fig. 2 against exp(-t)."""
    times, gaps = distances_at_jumps(
        Quadratic([[1.0]], [[0.0]]), 1, [Constant(1.0)], start=jnp.ones(1), flow=ExponentialHeun(1.0),
        rate=2.0, num_jumps=5, num_paths=2000, key=jax.random.key(0),
    )  # fmt: skip
    w = np.sqrt(3) / 2
    oscillator = np.exp(-times / 2) * (np.sin(w * times) / np.sqrt(3) + np.cos(w * times))
    np.testing.assert_allclose(gaps[..., 0], np.abs(oscillator - np.exp(-times)), atol=2e-3)
    assert scipy.stats.kstest(times[:, 4], scipy.stats.gamma(5, scale=1 / 2.0).cdf).pvalue > 1e-3


@pytest.mark.slow
def test_the_chain_has_the_law_of_the_event_loop(x64):
    """Mean distances at four jumps: many paths of the chain, some of ``simulate_coupled`` at their switch times."""
    problem, mass, num_loops = quadratic(), ExponentialDecay(1.0, rate=0.25), 60
    _, gaps = distances_at_jumps(
        problem.target, 3, [mass], start=problem.start, flow=problem.moving_flow,
        rate=1.0, num_jumps=8, num_paths=4000, key=jax.random.key(1),
    )  # fmt: skip
    index, dynamics = UniformSwitching(3, 1.0), [Dynamics(one, position=problem.start) for one in (0.0, mass)]
    looped = []
    for number in range(num_loops):
        ticks = switch_times(index, until=60.0, key=jax.random.key(2), path_number=number)[:8]
        theta, q = simulate_coupled(
            problem.target, index, dynamics, times=ticks, key=jax.random.key(2), flow=problem.moving_flow,
            path_number=number,
        )  # fmt: skip
        looped.append(np.linalg.norm(q.position - theta.position, axis=-1))
    for n in (0, 2, 4, 7):
        one, other = gaps[:, n, 0], np.array(looped)[:, n]
        error = np.sqrt(one.var() / len(one) + other.var() / len(other))
        assert abs(one.mean() - other.mean()) < 4 * error
