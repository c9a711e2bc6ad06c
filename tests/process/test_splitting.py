"""Splitting: its orders, its area, and what it refuses."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped import Constant, PowerDecay
from underdamped.process import (
    Diffrax,
    Exact,
    FiniteSum,
    Quadratic,
    RungeKutta4,
    Splitting,
    System,
    UniformSwitching,
    simulate,
    simulate_ensemble,
)

pytestmark = pytest.mark.usefixtures("x64")

STILL = UniformSwitching(1, rate=0.0)
TIMES = [1.0, 2.0]


def run(target, flow, mass, position, velocity=None, friction=1.0):
    path = simulate(
        target,
        STILL,
        mass=mass,
        friction=friction,
        position=position,
        velocity=velocity,
        times=TIMES,
        key=jax.random.key(0),
        flow=flow,
    )
    return np.hstack([path.position, path.velocity])


def bowl():
    """Not quadratic, coupled, steeper on one side."""
    return FiniteSum(lambda q, y: jnp.sum(jnp.cosh(q - y) + 0.3 * q**2) + 0.1 * q[0] * q[1], jnp.array([[0.5, -1.0]]))


def slope(steps, errors):
    return np.polyfit(np.log(steps), np.log(errors), 1)[0]


@pytest.mark.parametrize(("order", "most"), [(2, 0.3), (4, 0.01)])
@pytest.mark.parametrize("mass", [10.0, 1.0, 0.1])
def test_order_and_error_constant_on_a_quadratic(order, most, mass):
    target, start = Quadratic([[1.0, 2.5]], [[0.3, -0.4]]), ([1.0, -0.5], [1.0, 0.7])
    exact = run(target, Exact(), mass, *start)
    steps = 1 / (math.ceil(5 / math.sqrt(mass)) * 2.0 ** np.arange(4))  # whole numbers of steps between saved times
    errors = np.array([np.abs(run(target, Splitting(h, order), mass, *start) - exact).max() for h in steps])
    assert abs(slope(steps, errors) - order) < 0.1
    assert (errors < most * (steps / math.sqrt(mass)) ** order).all()


@pytest.mark.slow
@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("friction", [0.3, 2.0])
def test_order_where_the_gradient_is_not_linear(order, friction):
    start = [1.5, 2.0], [0.3, -1.0]
    exact = run(bowl(), Diffrax(1e-11, 1e-12), 0.5, *start, friction)
    steps = 2.0 ** -np.arange(3, 7)
    errors = [np.abs(run(bowl(), Splitting(h, order), 0.5, *start, friction) - exact).max() for h in steps]
    assert abs(slope(steps, errors) - order) < 0.1


def test_order_two_at_a_mass_that_changes():
    """Fig. 2, right: with mass 1/(1+t) the solution from rest at 1 is exp(-t²/2)."""
    steps = 2.0 ** -np.arange(4, 8)
    mass, target = PowerDecay(1.0, 1.0), Quadratic([[1.0]], [[0.0]])
    exact = np.exp(-np.square(TIMES) / 2)
    errors = [np.abs(run(target, Splitting(h, order=2), mass, [1.0])[:, 0] - exact).max() for h in steps]
    assert abs(slope(steps, errors) - 2) < 0.1


@pytest.mark.slow
def test_seven_gradients_of_order_four_are_better_spent_than_by_runge_kutta():
    start = [1.5, 2.0], [0.3, -1.0]
    exact = run(bowl(), Diffrax(1e-11, 1e-12), 0.1, *start)
    for step in (0.05, 0.025):
        flows = Splitting(step), RungeKutta4(step * 4 / 7)
        by_splitting, by_runge_kutta = (np.abs(run(bowl(), flow, 0.1, *start) - exact).max() for flow in flows)
        assert by_splitting < by_runge_kutta


@pytest.mark.slow
@pytest.mark.parametrize("order", [2, 4])
def test_a_step_shrinks_areas_exactly_as_the_flow_does(order):
    mass, friction, duration = 0.7, 0.4, 0.6
    system, chosen = System(bowl(), mass, friction), jnp.array([0])

    def step(state):
        return jnp.concatenate(
            Splitting(1.0, order).advance(system, chosen, state[:2], state[2:], jnp.asarray(0.0), jnp.asarray(duration))
        )

    J = jax.jacfwd(step)(jnp.array([0.3, -0.2, 1.0, 0.5]))
    area = jnp.block([[jnp.zeros((2, 2)), jnp.eye(2)], [-jnp.eye(2), jnp.zeros((2, 2))]])
    np.testing.assert_allclose(J.T @ area @ J, math.exp(-friction * duration / mass) * area, atol=1e-12)


@pytest.mark.parametrize("order", [2, 4])
def test_without_a_gradient_it_is_exact(order):
    flat = Quadratic([[0.0]], [[0.0]])
    path = run(flat, Splitting(0.5, order), 0.3, [1.0], [2.0])
    np.testing.assert_allclose(path, run(flat, Exact(), 0.3, [1.0], [2.0]), rtol=1e-13)


def test_it_follows_the_exact_flow_through_switches():
    rng = np.random.default_rng(0)
    target = Quadratic(rng.uniform(0.5, 4, (20, 3)), rng.normal(size=(20, 3)))
    one, two = (
        simulate_ensemble(
            target,
            UniformSwitching(20, rate=10.0),
            mass=0.1,
            position=[1.0, 0.0, 2.0],
            times=np.linspace(0.5, 5, 10),
            key=jax.random.key(3),
            flow=flow,
            num_paths=64,
        )
        for flow in (Exact(), Splitting(0.02))
    )
    assert one.position is not None
    assert two.position is not None
    assert np.abs(one.position - two.position).max() < 1e-6
    np.testing.assert_array_equal(one.num_switches, two.num_switches)


def test_a_constant_schedule_is_a_number():
    target = Quadratic([[1.0]], [[0.0]])
    by_schedule, by_number = (run(target, Splitting(0.1), mass, [1.0]) for mass in (Constant(0.5), 0.5))
    np.testing.assert_array_equal(by_schedule, by_number)


def test_what_it_refuses():
    target = Quadratic([[1.0]], [[0.0]])
    with pytest.raises(ValueError, match="`order` must be 2 or 4, got 3"):
        Splitting(0.1, order=3)
    with pytest.raises(ValueError, match="`step` must be positive"):
        Splitting(0.0)
    with pytest.raises(TypeError, match=r"`mass` must be a number or Constant at order 4.*RungeKutta4"):
        run(target, Splitting(0.1), PowerDecay(1.0, 1.0), [1.0])
    for mass, order in [(0.0, 4), (0.04, 4), (0.04, 2), (PowerDecay(0.05, 1.0), 2)]:
        with pytest.raises(ValueError, match=r"`step` must be at most 2 mass / friction.*ExponentialHeun"):
            run(target, Splitting(0.1, order), mass, [1.0])
