"""Three front-ends, one scheme: process, optax and PyTorch take the same steps, lr and mass varying."""

import jax
import numpy as np
import optax
import pytest
import torch
from jax import numpy as jnp

from reference import sgmp_steps
from underdamped import ExponentialDecay, LinearDecay, PowerDecay
from underdamped.optax import sgmp
from underdamped.process import FiniteSum, Quadratic, SemiImplicitEuler, UniformSwitching, simulate
from underdamped.torch import SGMP

STEPS = 60
STEP_SIZES = 0.2 / (1 + 0.05 * np.arange(STEPS))
ENDS = np.cumsum(STEP_SIZES)
BEGINNINGS = np.append(0.0, ENDS[:-1])
START = np.array([1.0, -2.0, 0.5])
FRICTION = 1.3
MASSES = {
    "exponential": ExponentialDecay(0.9, rate=0.4),
    "power": PowerDecay(2.0, rate=1.0, power=2.0),
    "lost half-way": LinearDecay(0.9, duration=float(ENDS[STEPS // 2])),
}


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def well(q, y):
    """Not quadratic and not separable, so that a wrong order of the updates would show."""
    return jnp.log(jnp.cosh(q @ y)) + 0.25 * jnp.sum(y * q**2) + 0.1 * q[0] * q[1]


def torch_well(q, y):
    return torch.log(torch.cosh(q @ y)) + 0.25 * torch.sum(y * q**2) + 0.1 * q[0] * q[1]


POINT = np.array([0.7, 1.1, 0.4])


def by_process(mass):
    """Saved at the ends of the steps, with nothing to switch to, the process takes exactly the steps."""
    path = simulate(
        FiniteSum(well, POINT[None]),
        UniformSwitching(1, 0.0),
        mass=mass,
        friction=FRICTION,
        position=START,
        times=ENDS,
        key=jax.random.key(0),
        flow=SemiImplicitEuler(1.01 * STEP_SIZES[0]),
    )
    return np.asarray(path.position), np.asarray(path.velocity)


def by_optax(mass):
    beginnings, step_sizes = jnp.asarray(BEGINNINGS), jnp.asarray(STEP_SIZES)
    solver = sgmp(lambda count: step_sizes[count], lambda count: mass(beginnings[count]), FRICTION)
    params = jnp.asarray(START)
    state, positions, velocities = solver.init(params), [], []
    for _ in range(STEPS):
        updates, state = solver.update(jax.grad(well)(params, jnp.asarray(POINT)), state, params)
        params = optax.apply_updates(params, updates)
        positions.append(np.asarray(params))
        velocities.append(np.asarray(state.velocity))
    return np.array(positions), np.array(velocities)


def by_pytorch(mass):
    param = torch.nn.Parameter(torch.tensor(START))
    optimizer = SGMP([param], mass=lambda step: float(mass(BEGINNINGS[step])), friction=FRICTION)
    positions, velocities = [], []
    for n in range(STEPS):
        optimizer.param_groups[0]["lr"] = float(STEP_SIZES[n])
        optimizer.zero_grad()
        torch_well(param, torch.tensor(POINT)).backward()
        optimizer.step()
        positions.append(param.detach().numpy().copy())
        velocities.append(-optimizer.state[param]["momentum_buffer"].numpy())
    return np.array(positions), np.array(velocities)


def gradient(q, _):
    """By hand, for the reference."""
    slope = np.tanh(q @ POINT) * POINT + 0.5 * POINT * q
    return slope + 0.1 * np.array([q[1], q[0], 0.0])


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", MASSES)
def test_all_front_ends_take_the_steps_of_the_reference(name):
    mass = MASSES[name]
    expected = sgmp_steps(gradient, START, STEP_SIZES, [float(mass(t)) for t in BEGINNINGS], FRICTION)
    for front_end in (by_process, by_optax, by_pytorch):
        for ours, theirs in zip(front_end(mass), expected, strict=True):
            assert ours.dtype == np.float64
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12, err_msg=front_end.__name__)


@pytest.mark.usefixtures("x64")
def test_a_mini_batch_held_for_a_step_is_the_same_step_everywhere():
    """The index of a path, read off between its steps and fed to the scheme, gives the path."""
    rng = np.random.default_rng(0)
    A, b = rng.uniform(0.5, 3.0, (6, 3)), rng.normal(size=(6, 3))
    mass, options = MASSES["exponential"], {"friction": FRICTION, "position": START, "key": jax.random.key(1)}
    path = simulate(
        Quadratic(A, b),
        UniformSwitching(6, 1.0, 2),
        mass=mass,
        times=np.sort(np.concatenate([ENDS, BEGINNINGS + STEP_SIZES / 2])),
        flow=SemiImplicitEuler(STEP_SIZES[0]),
        **options,
    )
    quiet = np.flatnonzero(np.diff(path.num_switches) == 0)  # no switch between two saved times: one step
    assert len(quiet) > STEPS
    times = np.asarray(path.times)
    for n in quiet:
        i, h = np.asarray(path.index[n + 1]), float(times[n + 1] - times[n])
        slope = A[i].mean(0) * np.asarray(path.position[n]) - b[i].mean(0)
        q, p = sgmp_steps(
            lambda *_, slope=slope: slope, path.position[n], [h], [mass(times[n])], FRICTION, path.velocity[n]
        )
        np.testing.assert_allclose(path.position[n + 1], q[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(path.velocity[n + 1], p[0], rtol=0, atol=1e-12)
