"""Whole paths: laws against closed forms, the four models, coupling, and streams that belong to one path."""

import math
import os
import subprocess
import sys
import time
from concurrent.futures import Future

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from underdamped import ExponentialDecay, PowerGrowth
from underdamped.process import (
    ContinuousData,
    Diffrax,
    Dynamics,
    Exact,
    ExponentialHeun,
    FiniteSum,
    Probability,
    PureJump,
    Quadratic,
    Quantiles,
    ReflectedBrownianMotion,
    Reshuffling,
    SemiImplicitEuler,
    UniformSwitching,
    chunks,
    exact_moments,
    simulate,
    simulate_coupled,
    simulate_coupled_ensemble,
    simulate_ensemble,
    switch_times,
)
from underdamped.process.landscapes import logistic_regression
from underdamped.process.statistics import Gathered

KEY = jax.random.key(11)


def two_wells(scale=1.0):
    """Components pulling to -1 and 1."""
    return Quadratic(A=[[scale], [scale]], b=[[-scale], [scale]])


def random_quadratic(N=5, K=2, seed=0):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(N, K, K))
    return Quadratic(root @ root.swapaxes(1, 2) / K + np.eye(K), rng.normal(size=(N, K)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rbg", "unsafe_rbg"])
def test_keys_of_other_generators_give_paths_of_their_own_too(kind):
    key = jax.random.key(3, impl=kind)
    options = {"mass": 0.0, "position": [0.3], "times": [1.0, 3.0], "flow": Exact()}
    whole = simulate_ensemble(two_wells(), UniformSwitching(2, 3.0), key=key, num_paths=50, **options)
    parts = simulate_ensemble(two_wells(), UniformSwitching(2, 3.0), key=key, num_paths=50, chunk_size=16, **options)
    np.testing.assert_array_equal(whole.position, parts.position)
    one = simulate(two_wells(), UniformSwitching(2, 3.0), key=key, path_number=17, **options)
    np.testing.assert_array_equal(whole.position[17], one.position)
    assert len(np.unique(whole.position[:, 1])) == 50
    if kind == "unsafe_rbg":  # old-style keys do not say so
        return
    by_words = simulate(
        two_wells(), UniformSwitching(2, 3.0), key=jax.random.key_data(jax.random.key(3, impl="rbg")), **options
    )
    np.testing.assert_array_equal(by_words.position, whole.position[0])


def test_stationary_law_of_the_two_state_process_is_a_beta_law():
    """For dq = -(q -+ 1) dt, redraws at rate k: (1 + q)/2 ~ Beta(k/2, k/2), since either target is left at rate k/2."""
    for rate in (1.0, 3.0):
        ensemble = simulate_ensemble(
            two_wells(),
            UniformSwitching(2, rate),
            mass=0.0,
            position=[0.3],
            times=[25.0],
            key=KEY,
            flow=Exact(),
            num_paths=100_000,
        )
        fraction = (1 + ensemble.position[:, 0, 0].astype(np.float64)) / 2
        assert scipy.stats.kstest(np.clip(fraction, 0, 1), "beta", args=(rate / 2, rate / 2)).pvalue > 1e-3


def test_number_of_switches_is_poisson():
    ensemble = simulate_ensemble(
        two_wells(),
        UniformSwitching(2, PowerGrowth(2.0)),
        mass=0.0,
        position=[0.3],
        times=[1.0, 3.0],
        key=KEY,
        flow=Exact(),
        num_paths=100_000,
        statistics=("mean",),
    )
    counts = np.bincount(ensemble.num_switches, minlength=41)[:41]
    law = scipy.stats.poisson(9.0).pmf(np.arange(41))  # beta(3) = 9
    keep = law * 1e5 > 5
    assert scipy.stats.chisquare(counts[keep], law[keep] / law[keep].sum() * counts[keep].sum()).pvalue > 1e-3


@pytest.mark.slow
def test_a_path_obeys_its_own_index_path():
    """Replay: between the recorded switches, the matrix exponential of the component shown."""
    target, times = random_quadratic(), np.linspace(0.001, 2.0, 2000)
    with jax.enable_x64(True):
        target = random_quadratic()
        path = simulate(
            target, UniformSwitching(5, 3.0), mass=0.4, position=[1.0, -1.0], times=times, key=KEY, flow=Exact()
        )
        z = np.concatenate([path.position, path.velocity], axis=1)
    A, b = np.asarray(target.A), np.asarray(target.b)
    checked = 0
    for n in range(len(times) - 1):
        if path.num_switches[n] != path.num_switches[n + 1]:
            continue
        i = int(path.index[n, 0])
        field = np.zeros((5, 5))
        field[:2, 2:4], field[2:4, :2], field[2:4, 2:4], field[2:4, 4] = (
            np.eye(2),
            -A[i] / 0.4,
            -np.eye(2) / 0.4,
            b[i] / 0.4,
        )
        step = scipy.linalg.expm(field * (times[n + 1] - times[n]))
        np.testing.assert_allclose(z[n + 1], (step @ [*z[n], 1])[:4], atol=1e-12)
        checked += 1
    assert checked > 1900
    assert int(path.num_switches[-1]) > 0


@pytest.mark.slow
@pytest.mark.parametrize("mass", [0.3, 0.0])
def test_infinite_rate_is_the_full_gradient(mass):
    rate = math.inf
    target = random_quadratic()
    mean = Quadratic(target.A.mean(0, keepdims=True), target.b.mean(0, keepdims=True))
    options = {"mass": mass, "position": [1.0, -1.0], "times": [0.5, 2.0], "key": KEY, "flow": Exact()}
    limit = simulate(target, UniformSwitching(5, rate), **options)
    np.testing.assert_allclose(limit.position, simulate(mean, UniformSwitching(1, 0.0), **options).position, rtol=1e-6)
    assert (limit.num_switches == 0).all()
    # and it is where fast switching leads, at the rate of a central limit theorem
    fast = simulate(target, UniformSwitching(5, 1e4), **options)
    assert np.abs(fast.position - limit.position).max() < 0.1
    component = FiniteSum(lambda q, y: 0.5 * q @ y[0] @ q - y[1] @ q, (target.A, target.b))
    heun = simulate(component, UniformSwitching(5, rate), **(options | {"flow": ExponentialHeun(0.01)}))
    np.testing.assert_allclose(heun.position, limit.position, atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("make", [UniformSwitching, Reshuffling])
@pytest.mark.parametrize(("mass", "is_diagonal"), [(0.3, False), (0.0, False), (0.3, True)])
def test_a_batch_of_all_components_is_the_full_gradient_exactly(make, mass, is_diagonal):
    target = random_quadratic()
    if is_diagonal:
        target = Quadratic(jnp.diagonal(target.A, axis1=1, axis2=2), target.b)
    options = {"mass": mass, "position": [1.0, -1.0], "times": [0.5, 2.0], "key": KEY, "flow": Exact()}
    whole = simulate(target, make(5, 20.0, 5), **options)
    limit = simulate(target.averaged(), UniformSwitching(1, 0.0), **options)
    np.testing.assert_allclose(whole.position, limit.position, atol=1e-6)
    np.testing.assert_allclose(whole.velocity, limit.velocity, atol=2e-6)
    assert whole.num_switches[-1] > 0
    np.testing.assert_array_equal(np.sort(whole.index, axis=1), [range(5)] * 2)
    ensemble = simulate_ensemble(target, make(5, 20.0, 5), num_paths=50, chunk_size=20, **options)
    np.testing.assert_array_equal(ensemble.position[0], whole.position)


def test_rate_zero_keeps_the_first_component():
    path = simulate(
        two_wells(), UniformSwitching(2, 0.0), mass=0.0, position=[0.0], times=[1.0, 60.0], key=KEY, flow=Exact()
    )
    assert abs(abs(float(path.position[1, 0])) - 1) < 1e-6
    assert (path.num_switches == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("flow", [SemiImplicitEuler(0.01), Diffrax(1e-5, 1e-7)])
def test_the_index_path_does_not_depend_on_the_flow(flow):
    options = {"position": [1.0, -1.0], "times": np.linspace(0.5, 3, 6), "key": KEY}
    index = UniformSwitching(5, 4.0)
    path = simulate(random_quadratic(), index, mass=0.3, flow=flow, **options)
    exact = simulate(random_quadratic(), index, mass=0.3, flow=Exact(), **options)
    np.testing.assert_array_equal(path.index, exact.index)
    np.testing.assert_array_equal(path.num_switches, exact.num_switches)
    np.testing.assert_allclose(path.position, exact.position, atol=0.03)


def test_velocity_at_mass_zero_is_the_gradient_over_the_friction():
    target = random_quadratic()
    for flow in (Exact(), ExponentialHeun(0.01)):
        path = simulate(
            target,
            UniformSwitching(5, 2.0),
            mass=0.0,
            friction=2.0,
            position=[1.0, 2.0],
            times=[0.0, 0.7],
            key=KEY,
            flow=flow,
        )
        for n in range(2):
            slope = -np.asarray(target.gradient(path.position[n], path.index[n])) / 2
            np.testing.assert_allclose(path.velocity[n], slope, atol=1e-3)


def test_coupled_dynamics_are_the_single_ones():
    target, index = random_quadratic(), UniformSwitching(5, 3.0)
    dynamics = [
        Dynamics(0.3, 1.0, [1.0, 0.0]),
        Dynamics(0.0, 2.0, [0.0, 1.0]),
        Dynamics(0.3, 1.0, [1.0, 0.0], [1.0, 0.0]),
    ]
    coupled = simulate_coupled(target, index, dynamics, times=[0.5, 3.0], key=KEY, flow=Exact())
    for one, path in zip(dynamics, coupled, strict=True):
        alone = simulate(
            target,
            index,
            mass=one.mass,
            friction=one.friction,
            position=one.position,
            velocity=one.velocity,
            times=[0.5, 3.0],
            key=KEY,
            flow=Exact(),
        )
        np.testing.assert_allclose(path.position, alone.position, atol=1e-6)
        np.testing.assert_array_equal(path.index, alone.index)


def test_distance_to_the_massless_process_is_linear_in_the_mass():
    """Theorem 6 with delta = 0."""
    masses = [0.0, 0.001, 0.002, 0.004]
    ensembles = simulate_coupled_ensemble(
        two_wells(),
        UniformSwitching(2, 1.0),
        [Dynamics(mass, position=[2.0]) for mass in masses],
        times=np.linspace(0.1, 3, 30),
        key=KEY,
        flow=Exact(),
        num_paths=2000,
        statistics=("distance", "sup_distance"),
    )
    sup = np.array([ensemble.sup_distance.value[-1] for ensemble in ensembles])
    assert sup[0] == 0
    order = np.polyfit(np.log(masses[1:]), np.log(sup[1:]), 1)[0]
    assert abs(order - 1) < 0.05
    assert (ensembles[1].distance.value <= ensembles[1].sup_distance.value + 1e-7).all()
    assert (np.diff(ensembles[1].sup_distance.value) >= 0).all()


@pytest.mark.slow
def test_statistics_are_those_of_the_whole_paths():
    options = {
        "mass": 0.3,
        "position": [1.0, -1.0],
        "times": [0.5, 2.0, 3.0],
        "key": KEY,
        "flow": Exact(),
        "num_paths": 1003,
        "chunk_size": 250,
    }
    target, index = random_quadratic(), UniformSwitching(5, 3.0)
    whole = simulate_ensemble(target, index, **options)
    sets = Probability(lambda q, p: jnp.stack([q[0] > 0.2, p @ p > 0.1, jnp.array(True)]))
    gathered = simulate_ensemble(
        target, index, **options, statistics=("mean", "cov", "var", Quantiles([0.1, 0.5]), sets)
    )
    z = np.concatenate([whole.position, whole.velocity], axis=-1).astype(np.float64)
    np.testing.assert_allclose(gathered.mean, z.mean(0), atol=1e-6)
    covariance = np.stack([np.cov(z[:, t].T) for t in range(3)])
    np.testing.assert_allclose(gathered.cov, covariance, atol=1e-5)
    np.testing.assert_allclose(gathered.var, np.diagonal(covariance, axis1=1, axis2=2), atol=1e-5)
    np.testing.assert_allclose(gathered.quantiles, np.quantile(whole.position, [0.1, 0.5], axis=0), atol=1e-6)
    expected = np.stack([whole.position[..., 0] > 0.2, (whole.velocity**2).sum(-1) > 0.1, np.full((1003, 3), True)], -1)
    np.testing.assert_allclose(gathered.probability, expected.mean(0), atol=1e-9)
    np.testing.assert_array_equal(gathered.num_switches, whole.num_switches)


@pytest.mark.slow
def test_quantiles_of_a_sample_are_those_of_its_first_paths():
    options = {"mass": 0.0, "position": [0.5], "times": [2.0], "key": KEY, "flow": Exact(), "num_paths": 1000}
    index = UniformSwitching(2, 2.0)
    whole = simulate_ensemble(two_wells(), index, **options)
    sampled = simulate_ensemble(
        two_wells(), index, **options, chunk_size=64, statistics=(Quantiles([0.25], sample_size=100),)
    )
    np.testing.assert_allclose(sampled.quantiles, np.quantile(whole.position[:100], [0.25], axis=0), atol=1e-6)


def test_every_path_may_have_its_own_start():
    starts = np.linspace(-1, 1, 50)[:, None]
    ensemble = simulate_ensemble(
        two_wells(),
        UniformSwitching(2, 2.0),
        mass=0.2,
        position=starts,
        velocity=2 * starts,
        times=[0.0, 1.0],
        key=KEY,
        flow=Exact(),
        num_paths=50,
        chunk_size=16,
    )
    np.testing.assert_allclose(ensemble.position[:, 0], starts, atol=1e-7)
    np.testing.assert_allclose(ensemble.velocity[:, 0], 2 * starts, atol=1e-7)
    path = simulate(
        two_wells(),
        UniformSwitching(2, 2.0),
        mass=0.2,
        position=starts[33],
        velocity=2 * starts[33],
        times=[0.0, 1.0],
        key=KEY,
        flow=Exact(),
        path_number=33,
    )
    np.testing.assert_array_equal(ensemble.position[33], path.position)


@pytest.mark.slow
@pytest.mark.parametrize(("chunk_size", "exact"), [(None, True), (37, True), (37, False), (100, False)])
def test_a_path_depends_on_the_key_and_its_number_alone(chunk_size, exact):
    target = random_quadratic() if exact else FiniteSum(lambda q, y: jnp.sum(jnp.cosh(q - y)), jnp.eye(4, 2))
    index = UniformSwitching(5, 5.0) if exact else Reshuffling(4, 5.0, 2)
    mass, flow = (0.2, Exact()) if exact else (ExponentialDecay(0.3, 1.0), ExponentialHeun(0.1))
    options = {"mass": mass, "position": [1.0, 0.0], "times": [0.5, 2.0], "key": KEY, "flow": flow}
    ensemble = simulate_ensemble(target, index, num_paths=300, chunk_size=chunk_size, **options)
    for number in (7, 299):
        path = simulate(target, index, path_number=number, **options)
        np.testing.assert_array_equal(ensemble.position[number], path.position)
        np.testing.assert_array_equal(ensemble.velocity[number], path.velocity)
    assert len(np.unique(ensemble.position[:, -1, 0])) == 300


@pytest.mark.slow
def test_the_full_gradient_of_a_matrix_product_is_the_same_in_every_chunk():
    """Of a size where XLA rounds the products for 16 and for 300 paths differently, if it is left to choose."""
    rng = np.random.default_rng(0)
    target = logistic_regression(rng.normal(size=(300, 20)), rng.integers(0, 2, 300))
    index, starts = UniformSwitching(300, math.inf), rng.normal(size=(300, 20))
    options = {"mass": 0.2, "times": [0.5, 2.0], "key": KEY, "flow": ExponentialHeun(0.1)}
    small, large = (
        simulate_ensemble(target, index, position=starts, num_paths=300, chunk_size=size, **options).position
        for size in (16, 300)
    )
    np.testing.assert_array_equal(small, large)
    path = simulate(target, index, position=starts[7], path_number=7, **options)
    np.testing.assert_array_equal(large[7], path.position)


def test_a_path_among_ten_thousand_is_the_path_alone():
    options = {"mass": 0.2, "position": [1.0, 0.0], "times": [0.5, 2.0], "key": KEY, "flow": Exact()}
    target, index = random_quadratic(), UniformSwitching(5, 5.0)
    ensemble = simulate_ensemble(target, index, num_paths=10_000, **options)
    path = simulate(target, index, path_number=7, **options)
    assert ensemble.position is not None
    np.testing.assert_array_equal(ensemble.position[7], path.position)


@pytest.mark.slow
@pytest.mark.usefixtures("x64")
def test_an_ensemble_keeps_the_precision_of_its_caller():
    options = {"mass": 0.2, "position": [1.0, 0.0], "times": [0.5, 2.0], "key": KEY, "flow": Exact()}
    target, index = random_quadratic(), UniformSwitching(5, 5.0)
    ensemble = simulate_ensemble(target, index, num_paths=40, chunk_size=16, **options)
    path = simulate(target, index, path_number=7, **options)
    assert ensemble.position is not None
    assert ensemble.position.dtype == path.position.dtype == np.float64
    np.testing.assert_array_equal(ensemble.position[7], path.position)


TWO_DEVICES = """
import sys
import jax, numpy as np
from underdamped.process import Exact, Quadratic, UniformSwitching, simulate_ensemble
assert len(jax.devices()) == int(sys.argv[1])
ensemble = simulate_ensemble(
    Quadratic([[1.0], [2.0]], [[-1.0], [1.0]]), UniformSwitching(2, 5.0), mass=0.2, position=[1.0], times=[0.5, 2.0],
    key=jax.random.key(11), flow=Exact(), num_paths=10_000, chunk_size=int(sys.argv[2]))
np.save(sys.argv[3], ensemble.position)
"""


CHOSEN_DEVICE = """
import jax
from underdamped.process import Exact, Quadratic, UniformSwitching, chunks, simulate_ensemble
used, chunk = set(), chunks._chunk
def spy(*arguments):
    parts = chunk(*arguments)
    used.update(parts[1].devices())
    return parts
chunks._chunk = spy
def run():
    used.clear()
    simulate_ensemble(
        Quadratic([[1.0], [2.0]], [[-1.0], [1.0]]), UniformSwitching(2, 5.0), mass=0.2, position=[1.0], times=[0.5],
        key=jax.random.key(11), flow=Exact(), num_paths=64, chunk_size=16)
    return used
assert run() == set(jax.devices()), used
with jax.default_device(jax.devices()[1]):
    assert run() == {jax.devices()[1]}, used
with jax.default_device("cpu"):
    assert run() == {jax.devices()[0]}, used
"""


@pytest.mark.slow
def test_the_default_device_is_the_only_one_where_it_is_set():
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", CHOSEN_DEVICE], env=environment, check=True)


@pytest.mark.slow
def test_paths_do_not_depend_on_the_number_of_devices(tmp_path):
    positions = []
    for devices, chunk_size in [(2, 1000), (1, 4096)]:
        flags = f"--xla_force_host_platform_device_count={devices}"
        environment = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
        file = tmp_path / f"{devices}.npy"
        arguments = [sys.executable, "-c", TWO_DEVICES, str(devices), str(chunk_size), str(file)]
        subprocess.run(arguments, env=environment, check=True)
        positions.append(np.load(file))
    np.testing.assert_array_equal(positions[0], positions[1])


@pytest.mark.slow
def test_continuous_data_follow_the_point_shown():
    """At mass 0 with Phi_y = |q - y|^2 / 2 the stationary mean is that of y, and the variance 1/(1 + rate) of it."""
    target = ContinuousData(lambda q, y: 0.5 * jnp.sum((q - y) ** 2))
    jump, walk = PureJump(2.0, -1.0, 3.0), ReflectedBrownianMotion(2.0, 0.05, -1.0, 3.0)
    for index, expected in [(jump, 16 / 12 / 3), (walk, None)]:
        ensemble = simulate_ensemble(
            target,
            index,
            mass=0.0,
            position=[0.0],
            times=[15.0],
            key=KEY,
            flow=ExponentialHeun(0.02),
            num_paths=4000,
            statistics=("mean", "var"),
        )
        assert abs(ensemble.mean[0, 0] - 1) < 4 * math.sqrt(ensemble.var[0, 0] / 4000)
        if expected:
            assert abs(ensemble.var[0, 0] / expected - 1) < 4 * math.sqrt(2 / 4000)


def test_time_is_not_accumulated_in_single_precision():
    """After 200,000 ticks float32 still saves where it was told to: an oscillator's phase shows the time."""
    target = Quadratic([[1.0, 1.0]], [[0.0, 0.0]])
    times = 2 * np.pi * np.arange(1, 41) * 5
    path = simulate(
        target,
        UniformSwitching(1, 200.0),
        mass=1.0,
        friction=1e-6,
        position=[1.0, 0.0],
        velocity=[0.0, 1.0],
        times=times,
        key=KEY,
        flow=Exact(),
    )
    assert int(path.num_switches[-1]) > 200_000
    np.testing.assert_allclose(path.position[:, 0], np.exp(-times * 5e-7), atol=3e-3)
    assert np.abs(path.position[:, 1]).max() < 3e-3  # a thousandth of the phase


@pytest.mark.slow
def test_saving_at_the_switches():
    target, index = random_quadratic(), UniformSwitching(5, PowerGrowth(3.0))
    ticks = switch_times(index, until=3.0, key=KEY, path_number=4)
    assert len(ticks) > 3
    options = {"mass": 0.3, "position": [1.0, -1.0], "key": KEY, "flow": Exact(), "path_number": 4}
    midway = simulate(target, index, times=(ticks[1:] + ticks[:-1]) / 2, **options)
    np.testing.assert_array_equal(midway.num_switches, np.arange(1, len(ticks)))
    at_switches = simulate(target, index, times=ticks, **options)
    # Between two switches the flow is that of one component, whichever the index says in the middle.
    for n in range(len(ticks) - 1):
        step = simulate(
            Quadratic(target.A[midway.index[n]], target.b[midway.index[n]]),
            UniformSwitching(1, 0.0),
            mass=0.3,
            position=at_switches.position[n],
            velocity=at_switches.velocity[n],
            times=[ticks[n + 1] - ticks[n]],
            key=KEY,
            flow=Exact(),
        )
        np.testing.assert_allclose(step.position[0], at_switches.position[n + 1], atol=1e-5)


@pytest.mark.slow
def test_mass_that_is_lost_leads_to_the_minimizer():
    """Corollary 19 in small: ddSGMP with faster and faster switching ends at the minimiser of the mean."""
    target, index, mass = random_quadratic(), UniformSwitching(5, PowerGrowth(20.0)), ExponentialDecay(0.5, 0.5)
    ensemble = simulate_ensemble(
        target,
        index,
        mass=mass,
        position=[2.0, 2.0],
        times=[1.0, 10.0],
        key=KEY,
        flow=ExponentialHeun(0.05),
        num_paths=500,
    )
    mean, cov = exact_moments(target, index, mass=mass, position=[2.0, 2.0], times=[1.0, 10.0])
    minimizer = np.asarray(target.minimizer)
    gap = ((ensemble.position.astype(np.float64) - minimizer) ** 2).sum(-1)  # squared
    expected = ((mean[:, :2] - minimizer) ** 2).sum(-1) + np.einsum("tkk->t", cov[:, :2, :2])
    assert (np.abs(gap.mean(0) - expected) < 4 * gap.std(0) / math.sqrt(500)).all()
    assert expected[1] < 0.1**2 < expected[0]


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_what_is_stopped_early_leaves_nothing_running(monkeypatch, is_interrupted):
    """Threads are kept between calls, so chunks that nobody waits for would compete with the next call."""
    begun, ended, run = [], [], chunks._chunk

    def slow(*arguments):
        begun.append(1)
        parts = run(*arguments)
        time.sleep(0.2)
        ended.append(1)
        return parts

    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(chunks, "_chunk", slow)
    if is_interrupted:  # while it waits for a chunk
        monkeypatch.setattr(Future, "result", interrupted)
    else:  # between two chunks
        monkeypatch.setattr(Gathered, "add", lambda *_: 1 / 0)
    with pytest.raises(KeyboardInterrupt if is_interrupted else ZeroDivisionError):
        simulate_ensemble(
            two_wells(),
            UniformSwitching(2, 3.0),
            mass=0.5,
            position=[0.5],
            times=[1.0, 2.0],
            key=KEY,
            flow=Exact(),
            num_paths=64 * 16,
            statistics=("mean",),
            chunk_size=16,
        )
    at_return = len(begun)
    assert len(ended) == at_return
    time.sleep(0.5)
    assert len(begun) == at_return


INSIDE = """
import jax, jax.numpy as jnp, numpy as np
from underdamped.process import Exact, ExponentialHeun, FiniteSum, Quadratic, UniformSwitching, simulate_ensemble

def ensemble(target, flow, num_paths):
    return simulate_ensemble(
        target, UniformSwitching(2, 3.0), mass=0.5, position=[0.5], times=[0.1], key=jax.random.key(0), flow=flow,
        num_paths=num_paths, chunk_size=16,
    )

def inside(value):
    ensemble(Quadratic([[1.0], [1.0]], [[-1.0], [1.0]]), Exact(), 16)
    return np.zeros_like(value)

class Asking(Quadratic):
    def gradient(self, position, chosen):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        zero = jax.pure_callback(inside, shape, position[0], vmap_method="broadcast_all")
        return super().gradient(position, chosen) + zero

ensemble(Asking([[1.0], [1.0]], [[-1.0], [1.0]]), ExponentialHeun(0.1), 64)
"""


@pytest.mark.slow
def test_an_ensemble_inside_of_another_does_not_wait_for_it():
    subprocess.run([sys.executable, "-c", INSIDE], check=True, timeout=300)
