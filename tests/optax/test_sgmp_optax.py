"""The optax transformation: against the NumPy reference and the PyTorch optimiser, and what optax asks of its own."""

import os
import re
import subprocess
import sys
import textwrap

import jax
import numpy as np
import optax
import pytest
import torch
from jax import numpy as jnp

from reference import sgmp_steps
from underdamped import ExponentialDecay, GeometricDecay, LinearDecay, heavy_ball_to_sgmp
from underdamped.optax import SGMPState, sgmp
from underdamped.torch import SGMP

STEPS, DIMENSION = 60, 7
STEP_SIZES = 0.1 / (1 + 0.05 * np.arange(STEPS))
MASSES = 0.9 * np.exp(-0.1 * np.arange(STEPS))
START = np.linspace(-1.0, 1.0, DIMENSION)
CURVATURE = np.linspace(0.5, 3.0, DIMENSION)
NOISE = np.random.default_rng(0).normal(size=(STEPS, DIMENSION))
VARYING = {"learning_rate": lambda count: 0.1 / (1 + 0.05 * count), "mass": ExponentialDecay(0.9, rate=0.1)}


@pytest.fixture
def x64():
    with jax.enable_x64(True):
        yield


def descend(solver, params, steps=STEPS, dtype=None):
    noise = jnp.asarray(NOISE, dtype)

    @jax.jit
    def step(carry, n):
        params, state = carry
        updates, state = solver.update(jnp.asarray(CURVATURE, params.dtype) * params + noise[n], state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, solver.init(params)), jnp.arange(steps))[1]


def test_equals_reference_and_pytorch_with_learning_rate_and_mass_varying(x64):
    expected, _ = sgmp_steps(lambda q, n: CURVATURE * q + NOISE[n], START, STEP_SIZES, MASSES, friction=1.3)
    ours = descend(sgmp(**VARYING, friction=1.3), jnp.asarray(START))
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)

    param = torch.nn.Parameter(torch.tensor(START))
    optimizer = SGMP([param], mass=ExponentialDecay(0.9, rate=0.1), friction=1.3)
    for n in range(STEPS):
        optimizer.param_groups[0]["lr"] = float(STEP_SIZES[n])
        param.grad = torch.tensor(CURVATURE) * param.detach() + torch.tensor(NOISE[n])
        optimizer.step()
        np.testing.assert_allclose(ours[n], param.detach().numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_constant_mass_is_optax_sgd(x64, momentum):
    ours = descend(sgmp(*heavy_ball_to_sgmp(0.05, momentum)), jnp.asarray(START))
    theirs = descend(optax.sgd(0.05, momentum=momentum), jnp.asarray(START))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_friction_may_be_a_schedule(x64):
    ours = descend(sgmp(0.1, 0.5, friction=lambda count: 1.0 + count), jnp.asarray(START))
    q, p = START, np.zeros(DIMENSION)
    for n in range(STEPS):
        p = (0.5 * p - 0.1 * (CURVATURE * q + NOISE[n])) / (0.5 + 0.1 * (1.0 + n))
        q = q + 0.1 * p
        np.testing.assert_allclose(ours[n], q, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mass", [0.0, 0.5])
def test_a_warm_up_from_zero_is_finite(mass):
    solver = sgmp(lambda count: 0.01 * count, mass)
    params = jnp.ones(3)
    updates, state = solver.update(jnp.ones(3), solver.init(params))
    np.testing.assert_array_equal(updates, 0)
    updates, state = solver.update(jnp.ones(3), state)
    assert jnp.isfinite(updates).all()
    assert (updates < 0).all()


@pytest.mark.parametrize(
    ("dtype", "velocity_dtype"),
    [
        *((dtype, None) for dtype in (jnp.bfloat16, jnp.float16, jnp.float32, jnp.complex64)),
        *((dtype, jnp.float32) for dtype in (jnp.bfloat16, jnp.float16)),
    ],
)
def test_dtypes_are_kept(dtype, velocity_dtype):
    solver = sgmp(0.1, GeometricDecay(0.9, ratio=0.9), velocity_dtype=velocity_dtype)
    params = jnp.ones(3, dtype)
    state = solver.init(params)
    for _ in range(2):
        updates, state = solver.update(params, state)
        assert updates.dtype == dtype
        assert state.velocity.dtype == (velocity_dtype or dtype)


def test_a_decay_near_one_is_not_lost_in_bfloat16():
    solver = sgmp(1e-3, mass=1.0)  # decay = 0.999, which rounds to 1 in bfloat16
    state = SGMPState(jnp.zeros([], jnp.int32), jnp.full(3, 256.0, jnp.bfloat16))
    velocity = state.velocity.astype(jnp.float32)
    updates, _ = solver.update(jnp.zeros(3, jnp.bfloat16), state)
    np.testing.assert_allclose(updates.astype(jnp.float32), 1e-3 * 0.999 * velocity, rtol=2**-8)
    wide = sgmp(1e-3, mass=1.0, velocity_dtype=jnp.float32)
    state = SGMPState(jnp.zeros([], jnp.int32), velocity)
    for n in range(1, 101):
        _, state = wide.update(jnp.zeros(3, jnp.bfloat16), state)
        np.testing.assert_allclose(state.velocity, 256 * (1 / 1.001) ** n, rtol=1e-5)


def test_the_second_call_does_not_recompile_and_schedules_start_at_count_zero():
    seen = []
    solver = sgmp(0.1, mass=lambda count: seen.append(count) or 0.5 / (1 + count))
    update = jax.jit(solver.update)
    params = {"a": jnp.ones(3), "b": jnp.ones((2, 2), jnp.bfloat16)}
    state = solver.init(params)
    assert int(state.count) == 0
    for _ in range(3):
        structure = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state)
        _, state = update(params, state)
        assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), state) == structure
    assert len(seen) == 1, "traced once"
    assert int(state.count) == 3
    eager = []
    solver = sgmp(0.1, mass=lambda count: eager.append(int(count)) or 0.5)
    state = solver.init(params)
    for _ in range(3):
        _, state = solver.update(params, state)
    assert eager == [0, 1, 2]


def test_accepts_extra_arguments_where_optax_does():
    solver = optax.with_extra_args_support(sgmp(0.1, 0.5))
    params = jnp.ones(3)
    updates, _ = solver.update(params, solver.init(params), params, value=1.0)
    expected, _ = sgmp(0.1, 0.5).update(params, sgmp(0.1, 0.5).init(params))
    np.testing.assert_array_equal(updates, expected)


@pytest.mark.parametrize("schedule", [False, True])
def test_injected_hyperparameters_can_be_read_and_changed(schedule):
    mass = LinearDecay(0.5, duration=10) if schedule else 0.5
    solver = optax.inject_hyperparams(sgmp)(learning_rate=0.1, mass=mass, friction=1.0)
    plain = sgmp(0.1, mass)
    params = jnp.ones(3)
    state, plain_state = solver.init(params), plain.init(params)
    for n in range(3):
        updates, state = jax.jit(solver.update)(params, state)
        expected, plain_state = plain.update(params, plain_state)
        np.testing.assert_allclose(updates, expected, rtol=1e-6)
        assert float(state.hyperparams["mass"]) == pytest.approx(0.5 - 0.05 * n if schedule else 0.5)
    state.hyperparams["learning_rate"] = jnp.asarray(0.0)
    updates, _ = solver.update(params, state)
    np.testing.assert_array_equal(updates, 0)


def test_multi_steps_moves_on_the_mean_gradient():
    solver = optax.MultiSteps(sgmp(0.1, 0.5), every_k_schedule=2)
    params = jnp.ones(3)
    state, plain_state = solver.init(params), sgmp(0.1, 0.5).init(params)
    for gradients in np.split(NOISE[:6, :3], 3):
        for gradient in gradients:
            updates, state = solver.update(jnp.asarray(gradient, jnp.float32), state, params)
        mean = jnp.asarray(gradients.mean(0), jnp.float32)
        expected, plain_state = sgmp(0.1, 0.5).update(mean, plain_state)
        np.testing.assert_allclose(updates, expected, rtol=1e-5)


def test_masked_and_multi_transform_move_each_part_by_its_own_rule():
    params = {"a": jnp.ones(3), "b": jnp.ones(2)}
    heavy, light = sgmp(0.1, 0.5), sgmp(0.2, 0.0)
    masked = optax.masked(heavy, {"a": True, "b": False})
    updates, _ = masked.update(params, masked.init(params))
    np.testing.assert_array_equal(updates["b"], params["b"])
    both = optax.multi_transform({"heavy": heavy, "light": light}, {"a": "heavy", "b": "light"})
    updates, _ = both.update(params, both.init(params))
    for name, solver in (("a", heavy), ("b", light)):
        expected, _ = solver.update(params[name], solver.init(params[name]))
        np.testing.assert_array_equal(updates[name], expected)


def test_sharding_is_kept_on_two_devices():
    script = """
        import jax, jax.numpy as jnp
        from jax.sharding import Mesh, NamedSharding, PartitionSpec
        from underdamped.optax import sgmp
        assert jax.device_count() == 2
        sharding = NamedSharding(jax.make_mesh((2,), ("x",)), PartitionSpec("x"))
        params = jax.device_put(jnp.arange(8.0), sharding)
        solver = sgmp(0.1, 0.5)
        state = solver.init(params)
        for _ in range(2):
            updates, state = jax.jit(solver.update)(params, state)
        assert updates.sharding.is_equivalent_to(sharding, 1), updates.sharding
        assert state.velocity.sharding.is_equivalent_to(sharding, 1), state.velocity.sharding
    """
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=environment, check=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": -0.1, "mass": 0.5}, "`learning_rate` must be non-negative, got -0.1"),
        ({"learning_rate": 0.1, "mass": -0.5}, "`mass` must be non-negative"),
        ({"learning_rate": 0.1, "mass": float("nan")}, "`mass` must be finite"),
        ({"learning_rate": 0.1, "mass": 0.5, "friction": 0.0}, "`friction` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        sgmp(**arguments)


def test_a_word_is_a_type_error():
    with pytest.raises(TypeError, match="`mass` must be a number, got 'heavy'"):
        sgmp(0.1, "heavy")
