"""Stability and stationary moments against dense eigenvalues, known laws and long times."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from dense_moments import moment_matrix, second_moment_abscissa, uniform_generator
from underdamped import PowerDecay
from underdamped.process import MarkovSwitching, Quadratic, UniformSwitching
from underdamped.process import _jump_system as jump_system_module
from underdamped.process.moments import exact_moments
from underdamped.process.stability import mean_square_abscissa, mean_square_stable, stationary_moments


def held(target):
    """What a target holds, in float64."""
    return np.asarray(target.A, dtype=np.float64), np.asarray(target.b, dtype=np.float64)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    shape=st.sampled_from([(2, 1), (3, 2), (5, 3)]),
    mass=st.sampled_from([1e-2, 1.0, 10.0]),
    friction=st.sampled_from([0.1, 1.3]),
    rate=st.sampled_from([0.01, 1.0, 30.0]),
)
def test_abscissa_equals_dense_eigenvalues(seed, shape, mass, friction, rate):
    N, K = shape
    factors = np.random.default_rng(seed).normal(size=(N, K, K))
    target = Quadratic(3 * factors @ factors.swapaxes(1, 2) + 0.1 * np.eye(K), np.zeros((N, K)))
    A = held(target)[0]
    A = (A + A.swapaxes(1, 2)) / 2
    expected = second_moment_abscissa(A, uniform_generator(N, rate), mass, friction)
    ours = mean_square_abscissa(target, UniformSwitching(N, rate), mass=mass, friction=friction)
    # the dense eigenvalues themselves err by rounding of their largest, friction/mass
    assert ours == pytest.approx(expected, rel=1e-7, abs=1e-11 * (1 + friction / mass + np.abs(A).max()))


@pytest.mark.slow
@pytest.mark.parametrize("indefinite", [False, True])
def test_abscissa_of_markov_switching_and_of_the_iterative_solver(indefinite, monkeypatch):
    monkeypatch.setattr(jump_system_module, "_DENSE_UNKNOWNS", 0)
    monkeypatch.setattr(jump_system_module, "_DENSE_CARRIED", 0)
    generator = np.random.default_rng(0)
    factors = generator.normal(size=(4, 2, 2))
    target = Quadratic(factors @ factors.swapaxes(1, 2) - indefinite * np.eye(2), np.zeros((4, 2)))
    Q = generator.uniform(0.1, 2, size=(4, 4))
    Q -= np.diag(Q.sum(axis=1))
    A = held(target)[0]
    for index, dense in ((MarkovSwitching(Q, 1.5), 1.5 * Q), (UniformSwitching(4, 2.0), uniform_generator(4, 2.0))):
        ours = mean_square_abscissa(target, index, mass=0.4, friction=0.8)
        assert ours == pytest.approx(second_moment_abscissa(A, dense, 0.4, 0.8), rel=1e-5)


def test_stable_springs_can_be_unstable_together():
    """Each component alone is stable at every mass; switched about as fast as it moves they pump energy."""
    target = Quadratic([[0.5], [30.0]], [[0.0], [0.0]])
    for rate, friction, mass in [(2.0, 0.1, 1.0), (2.0, 10.0, 1.0), (2.0, 0.1, 1e-4), (1e4, 0.1, 1.0), (0.0, 0.1, 1.0)]:
        index = UniformSwitching(2, rate)
        expected = second_moment_abscissa(held(target)[0], uniform_generator(2, rate), mass, friction) < 0
        assert mean_square_stable(target, index, mass=mass, friction=friction) == expected
    assert not mean_square_stable(target, UniformSwitching(2, 2.0), mass=1.0, friction=0.1)
    assert mean_square_stable(target, UniformSwitching(2, 2.0), mass=1.0, friction=10.0)
    # and it is what the moments then do
    index, times = UniformSwitching(2, 2.0), np.array([10.0, 20.0])
    rate = mean_square_abscissa(target, index, mass=1.0, friction=0.1)
    _, cov = exact_moments(target, index, mass=1.0, friction=0.1, position=[1.0], times=times)
    assert math.log(cov[1, 0, 0] / cov[0, 0, 0]) / 10 == pytest.approx(rate, rel=0.05)


def test_switching_can_stabilise_an_unstable_component():
    target = Quadratic([[-0.5], [3.0]], [[0.0], [0.0]])
    assert not mean_square_stable(target, UniformSwitching(2, 0.0), mass=0.1)
    assert not mean_square_stable(target, UniformSwitching(2, 0.1), mass=0.1)
    assert mean_square_stable(target, UniformSwitching(2, 100.0), mass=0.1)


@pytest.mark.parametrize("rate", [0.0, 3.0, math.inf])
@pytest.mark.parametrize(("mass", "expected"), [(0.0, -2 * 1.5 / 2), (0.1, None), (5.0, -2 / 5.0)])
def test_equal_components_have_the_abscissa_of_the_oscillator(mass, expected, rate):
    if expected is None:
        expected = 2 * np.roots([mass, 2.0, 1.5]).real.max()
    target = Quadratic([[1.5], [1.5]], [[1.0], [0.0]])
    ours = mean_square_abscissa(target, UniformSwitching(2, rate), mass=mass, friction=2.0)
    assert ours == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.floats(0.5, 4.0), min_size=2, max_size=4),
    st.floats(0.01, 10.0),
    st.sampled_from([0.01, 1.0, 10.0, 1000.0]),
)
def test_the_sufficient_condition_is_sufficient(curvatures, mass, rate):
    """Curvatures in [mu, L], friction above sqrt(mass) (sqrt(L) - sqrt(mu)): one norm contracts them all."""
    friction = 1.01 * math.sqrt(mass) * (math.sqrt(4.0) - math.sqrt(0.5))
    target = Quadratic(np.array(curvatures)[:, None], np.zeros((len(curvatures), 1)))
    assert mean_square_stable(target, UniformSwitching(len(curvatures), rate), mass=mass, friction=friction)


@pytest.mark.parametrize(("leave_0", "leave_1"), [(1.0, 1.0), (0.5, 2.0), (3.0, 0.25)])
def test_two_state_stochastic_gradient_process_has_beta_moments(leave_0, leave_1):
    """With dq = -(q - i) dt and i in {0, 1}: the stationary law is Beta(rate of leaving 0, rate of leaving 1)."""
    target = Quadratic([[1.0], [1.0]], [[0.0], [1.0]])
    index = MarkovSwitching([[-leave_0, leave_0], [leave_1, -leave_1]])
    mean, cov = stationary_moments(target, index, mass=0.0)
    law = scipy.stats.beta(leave_0, leave_1)
    assert mean[0] == pytest.approx(law.mean(), rel=1e-12)
    assert cov[0, 0] == pytest.approx(law.var(), rel=1e-12)
    assert mean[1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("mass", [0.0, 0.01, 0.5, 4.0])
@pytest.mark.parametrize("rate", [0.1, 1.0, 20.0])
def test_stationary_variance_of_equal_springs_by_hand(mass, rate):
    """Filtered telegraph noise: m q'' + alpha q' + a q = b, b of variance s^2 and autocovariance s^2 e^{-rate t}."""
    a, alpha, b = 2.0, 1.5, np.array([3.0, -1.0, 1.0])
    mean, cov = stationary_moments(
        Quadratic(np.full((3, 1), a), b[:, None]), UniformSwitching(3, rate), mass=mass, friction=alpha
    )
    # E[b q] from the Laplace transform of the response at the rate; energy balance gives the rest
    correlation = b.var() / (mass * rate**2 + alpha * rate + a)
    power = rate * correlation  # E[b p]
    velocity = power / alpha
    assert mean == pytest.approx([b.mean() / a, 0], abs=1e-12)
    assert cov[1, 1] == pytest.approx(velocity, rel=1e-11)
    assert cov[0, 0] == pytest.approx((correlation + mass * velocity) / a, rel=1e-11)
    assert cov[0, 1] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("mass", [0.0, 0.2])
def test_stationary_moments_are_where_exact_moments_settle(mass):
    generator = np.random.default_rng(3)
    factors = generator.normal(size=(4, 2, 2))
    target = Quadratic(factors @ factors.swapaxes(1, 2) + np.eye(2), generator.normal(size=(4, 2)))
    index = UniformSwitching(4, 3.0)
    rest = stationary_moments(target, index, mass=mass, friction=2.0)
    late = 60 / -mean_square_abscissa(target, index, mass=mass, friction=2.0)
    settled = exact_moments(target, index, mass=mass, friction=2.0, position=[3.0, -2.0], times=[late])
    assert settled.mean[0] == pytest.approx(rest.mean, abs=1e-11)
    assert settled.cov[0] == pytest.approx(rest.cov, abs=1e-11)


def test_stationary_moments_solve_the_dense_equations(monkeypatch):
    monkeypatch.setattr(jump_system_module, "_DENSE_UNKNOWNS", 0)
    monkeypatch.setattr(jump_system_module, "_DENSE_CARRIED", 0)
    generator = np.random.default_rng(4)
    factors = generator.normal(size=(5, 2, 2))
    target = Quadratic(factors @ factors.swapaxes(1, 2) + np.eye(2), generator.normal(size=(5, 2)))
    A, b = held(target)
    ours = stationary_moments(target, UniformSwitching(5, 3.0), mass=0.3, friction=2.0)
    L = moment_matrix(A, b, uniform_generator(5, 3.0), 0.3, 2.0)
    total = np.zeros((1, len(L)))
    total[0, ::25] = 1  # probabilities of the components sum to 1
    y = np.linalg.lstsq(np.vstack([L, total]), np.append(np.zeros(len(L)), 1.0), rcond=None)[0]
    second = y.reshape(5, 5, 5).sum(axis=0)
    mean = second[0, 1:]
    assert ours.mean == pytest.approx(mean, abs=1e-11)
    assert ours.cov == pytest.approx(second[1:, 1:] - np.outer(mean, mean), abs=1e-11)


def test_rate_zero_is_the_law_of_the_minimisers():
    target = Quadratic([[1.0], [2.0], [4.0]], [[1.0], [-2.0], [8.0]])
    mean, cov = stationary_moments(target, UniformSwitching(3, 0.0), mass=0.5)
    assert mean == pytest.approx([2 / 3, 0], abs=1e-12)
    assert cov == pytest.approx(np.diag([np.var([1, -1, 2]), 0]), abs=1e-12)


PAIR = Quadratic([[0.5], [30.0]], [[1.0], [0.0]])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: stationary_moments(PAIR, UniformSwitching(2, 2.0), mass=1.0, friction=0.1),
            ValueError,
            "grow at rate",
        ),
        (lambda: mean_square_stable(PAIR, UniformSwitching(2, 1.0), mass=PowerDecay(1.0, 1.0)), TypeError, "`mass`"),
        (lambda: mean_square_stable(PAIR, UniformSwitching(2, PowerDecay(1.0, 1.0)), mass=1.0), TypeError, "`rate`"),
        (lambda: mean_square_stable(PAIR, UniformSwitching(2, 1.0), mass=-1.0), ValueError, "`mass`"),
        (lambda: mean_square_stable(PAIR, UniformSwitching(2, 1.0), mass=1.0, friction=-1.0), ValueError, "`friction`"),
        (lambda: mean_square_stable(PAIR, "uniform", mass=1.0), TypeError, "`index`"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
