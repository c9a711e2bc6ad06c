"""Exact moments against dense matrix exponentials, closed forms, brute-force integration, sampling and symmetries."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from dense_moments import dense_moments, moment_matrix, start_vector, summarize, uniform_generator
from underdamped import ExponentialDecay, LinearDecay, PowerDecay
from underdamped.process import FiniteSum, MarkovSwitching, Quadratic, UniformSwitching
from underdamped.process import _jump_system as jump_system_module
from underdamped.process.moments import exact_moments

TIMES = [0.05, 0.5, 2.0, 7.0]


def problem(N, K, seed=0, diagonal=False):
    """A quadratic target and the float64 values of what it holds (in float32, as JAX does by default)."""
    generator = np.random.default_rng(seed)
    factors = generator.normal(size=(N, K, K))
    A = generator.uniform(0.1, 3, size=(N, K)) if diagonal else factors @ factors.swapaxes(1, 2) + 0.1 * np.eye(K)
    target = Quadratic(A, generator.normal(size=(N, K)))
    A, b = np.asarray(target.A, dtype=np.float64), np.asarray(target.b, dtype=np.float64)
    return target, A, b, generator.normal(size=K), generator.normal(size=K)


def random_generator(N, seed=0):
    Q = np.random.default_rng(seed).uniform(0.1, 2, size=(N, N))
    np.fill_diagonal(Q, 0)
    return Q - np.diag(Q.sum(axis=1))


def assert_close(ours, expected, tolerance=2e-11):
    """Relative to the second moments, which is what a covariance is the difference of."""
    (mean, cov), (mean_, cov_) = ours, expected
    size = np.abs(mean_).max()
    assert np.abs(mean - mean_).max() <= tolerance * size
    assert np.abs(cov - cov_).max() <= tolerance * max(size * size, np.abs(cov_).max())


@pytest.fixture(params=["dense", "iterative"])
def either_solver(request, monkeypatch):
    if request.param == "iterative":
        monkeypatch.setattr(jump_system_module, "_DENSE_UNKNOWNS", 0)
        monkeypatch.setattr(jump_system_module, "_DENSE_CARRIED", 0)


@pytest.mark.slow
@pytest.mark.parametrize("diagonal", [True, False])
@pytest.mark.parametrize(("mass", "rate"), [(1.0, 0.0), (1.0, 0.5), (0.05, 10.0), (1e-3, 300.0), (20.0, 2.0)])
def test_uniform_switching_equals_the_dense_exponential(mass, rate, diagonal, either_solver):
    target, A, b, q, p = problem(3, 2, diagonal=diagonal)
    ours = exact_moments(
        target, UniformSwitching(3, rate), mass=mass, friction=1.3, position=q, velocity=p, times=TIMES
    )
    weights = np.full(3, 1 / 3)
    state = np.concatenate([q, p])
    assert_close(ours, dense_moments(A, b, uniform_generator(3, rate), weights, mass, 1.3, state, TIMES))


@pytest.mark.slow
@pytest.mark.parametrize(("mass", "speed"), [(1.0, 0.5), (0.05, 10.0)])
def test_markov_switching_equals_the_dense_exponential(mass, speed, either_solver):
    target, A, b, q, p = problem(4, 2)
    index = MarkovSwitching(random_generator(4), speed)
    ours = exact_moments(target, index, mass=mass, friction=0.7, position=q, velocity=p, times=TIMES)
    Q = np.array(index.generator, dtype=np.float64)  # rows sum to 0 in float32 only
    Q -= np.diag(Q.sum(axis=1))
    weights = scipy.linalg.null_space(Q.T)[:, 0]
    weights /= weights.sum()
    state = np.concatenate([q, p])
    assert_close(ours, dense_moments(A, b, speed * Q, weights, mass, 0.7, state, TIMES))


def test_mass_zero_equals_the_dense_exponential_and_its_velocity_is_minus_the_gradient(either_solver):
    target, A, b, q, _ = problem(3, 2)
    weights, times = np.full(3, 1 / 3), [0.0, *TIMES]
    mean, cov = exact_moments(target, UniformSwitching(3, 2.0), mass=0.0, friction=1.3, position=q, times=times)
    Q = uniform_generator(3, 2.0)
    expected = dense_moments(A, b, Q, weights, 0, 1.3, q, times)
    assert_close((mean[:, :2], cov[:, :2, :2]), expected)
    # E[p | i], E[pq^T | i], E[pp^T | i] for p = (b_i - A_i q)/alpha, summed over i, from the dense moments of q
    L = moment_matrix(A, b, Q, 0, 1.3)
    for n, t in enumerate(times):
        second = (scipy.linalg.expm(L * t) @ start_vector(weights, q)).reshape(3, 3, 3)
        force = np.concatenate([b[:, :, None], -A], axis=2) / 1.3
        mean_p = np.einsum("ikz,iz->k", force, second[:, :, 0])
        cross = np.einsum("ikz,izj->kj", force, second[:, :, 1:])
        square = np.einsum("ikz,izw,ilw->kl", force, second, force)
        assert mean[n, 2:] == pytest.approx(mean_p, abs=1e-11)
        assert cov[n, 2:, :2] == pytest.approx(cross - np.outer(mean_p, mean[n, :2]), abs=1e-10)
        assert cov[n, 2:, 2:] == pytest.approx(square - np.outer(mean_p, mean_p), abs=1e-10)


def test_small_mass_goes_to_mass_zero_linearly():
    target, _, _, q, _ = problem(3, 2)
    index, options = UniformSwitching(3, 2.0), {"position": q, "times": [1.0, 3.0]}
    limit = exact_moments(target, index, mass=0.0, **options)
    gaps = [np.abs(exact_moments(target, index, mass=m, **options).mean - limit.mean).max() for m in (1e-5, 1e-6, 1e-9)]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.02)
    assert gaps[1] / gaps[2] == pytest.approx(1000, rel=0.02)


def test_mass_too_small_for_any_clock_is_mass_zero():
    target, _, _, q, p = problem(3, 2)
    index, options = UniformSwitching(3, 2.0), {"position": q, "velocity": p, "times": [0.0, 1.0]}
    assert_close(
        exact_moments(target, index, mass=1e-300, **options), exact_moments(target, index, mass=0.0, **options)
    )


def test_mini_batches_are_the_states_of_their_means():
    target, A, b, q, p = problem(4, 2)
    pairs = np.array(list(itertools.combinations(range(4), 2)))
    ours = exact_moments(target, UniformSwitching(4, 3.0, batch_size=2), mass=0.3, position=q, velocity=p, times=TIMES)
    weights, state = np.full(6, 1 / 6), np.concatenate([q, p])
    Q = uniform_generator(6, 3.0)
    assert_close(ours, dense_moments(A[pairs].mean(1), b[pairs].mean(1), Q, weights, 0.3, 1.0, state, TIMES))


@pytest.mark.parametrize("index", [UniformSwitching(3, math.inf), UniformSwitching(3, 5.0, batch_size=3)])
def test_full_gradient_flow(index):
    target, A, b, q, p = problem(3, 2)
    start = np.diag([0.3, 0.2, 0.1, 0.0])
    state, one = np.concatenate([q, p]), np.ones(1)
    expected = dense_moments(
        A.mean(0, keepdims=True), b.mean(0, keepdims=True), np.zeros((1, 1)), one, 0.3, 1.0, state, TIMES, start
    )
    ours = exact_moments(target, index, mass=0.3, position=q, velocity=p, times=TIMES, covariance=start)
    assert_close(ours, expected)
    fixed = exact_moments(target, index, mass=0.3, position=q, velocity=p, times=TIMES)
    assert np.abs(fixed.cov).max() < 1e-12


def test_random_start():
    target, A, b, q, p = problem(3, 2)
    root = np.random.default_rng(1).normal(size=(4, 4))
    ours = exact_moments(
        target, UniformSwitching(3, 2.0), mass=0.3, position=q, velocity=p, times=TIMES, covariance=root @ root.T
    )
    state, Q = np.concatenate([q, p]), uniform_generator(3, 2.0)
    assert_close(ours, dense_moments(A, b, Q, np.full(3, 1 / 3), 0.3, 1.0, state, TIMES, root @ root.T))


def test_figure_2_constant_mass():
    times = np.linspace(0, 10, 41)
    mean, cov = exact_moments(
        Quadratic([[1.0]], [[0.0]]), UniformSwitching(1, 1.0), mass=1.0, position=[1.0], times=times
    )
    w = math.sqrt(3) / 2
    q = np.exp(-times / 2) * (np.sin(w * times) / math.sqrt(3) + np.cos(w * times))
    p = -np.exp(-times / 2) * np.sin(w * times) * 2 / math.sqrt(3)
    assert np.abs(mean - np.stack([q, p], axis=1)).max() < 1e-12
    assert np.abs(cov).max() < 1e-12


def test_figure_2_decreasing_mass():
    times = np.linspace(0, 5, 21)
    target = Quadratic([[1.0], [1.0], [1.0]], [[0.0], [0.0], [0.0]])  # equal components: switching changes nothing
    mean, _ = exact_moments(
        target, UniformSwitching(3, PowerDecay(3.0, 1.0)), mass=PowerDecay(1.0, 1.0), position=[1.0], times=times
    )
    q = np.exp(-(times**2) / 2)
    assert np.abs(mean - np.stack([q, -times * q], axis=1)).max() < 1e-11


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0, 40.0])
def test_telegraph_noise_on_a_spring(rate):
    """Mean and variance of dq = -(a q - b)/alpha dt with b = +-s of autocovariance s^2 e^{-rate t}, by hand."""
    a, alpha, s, q0 = 0.75, 1.5, 2.0, 3.0  # a/alpha = 0.5, exact in float32
    times = np.array([0.1, 1.0, 4.0, 30.0])
    mean, cov = exact_moments(
        Quadratic([[a], [a]], [[s], [-s]]),
        UniformSwitching(2, rate),
        mass=0.0,
        friction=alpha,
        position=[q0],
        times=times,
    )
    c, sigma = a / alpha, s / alpha
    slow, fast = np.exp(-2 * c * times), np.exp(-(c + rate) * times)
    variance = 2 * sigma**2 / (c + rate) * ((1 - slow) / (2 * c) - (fast - slow) / (c - rate))
    assert mean[:, 0] == pytest.approx(q0 * np.exp(-c * times), rel=1e-11, abs=1e-11)
    assert cov[:, 0, 0] == pytest.approx(variance, rel=1e-10)


def right_hand_side(A, b, mass, rate, friction):
    N = len(b)

    def derivative(t, y):
        return moment_matrix(A, b, uniform_generator(N, rate(t)), mass(t), friction) @ y

    return derivative


@pytest.mark.parametrize(
    ("mass", "rate"),
    [
        (PowerDecay(1.0, 1.0), lambda t: 2.0),
        (ExponentialDecay(0.5, 0.8), PowerDecay(5.0, 0.5)),
        (lambda t: 0.3 + 0.2 * math.sin(t), ExponentialDecay(4.0, 0.3)),
    ],
)
def test_changing_mass_and_rate_against_a_runge_kutta_method(mass, rate):
    target, A, b, q, p = problem(2, 2)
    index_rate = rate if isinstance(rate, PowerDecay | ExponentialDecay) else 2.0
    ours = exact_moments(
        target, UniformSwitching(2, index_rate), mass=mass, position=q, velocity=p, times=[0.3, 1.0, 3.0]
    )
    start = start_vector([0.5, 0.5], np.concatenate([q, p]))
    solution = scipy.integrate.solve_ivp(
        right_hand_side(A, b, mass, rate, 1.0), (0, 3), start, "DOP853", [0.3, 1.0, 3.0], rtol=1e-12, atol=1e-13
    )
    means, covs = zip(*(summarize(y, 2) for y in solution.y.T), strict=True)
    assert_close(ours, (np.array(means), np.array(covs)), 1e-10)


@pytest.mark.slow
def test_mass_that_is_lost_altogether():
    """Mass 0 from t = 1 on: the limit of masses with ever smaller floors."""
    target, _, _, q, p = problem(2, 1)
    index, options = UniformSwitching(2, 2.0), {"position": q, "velocity": p, "times": [0.5, 1.0, 1.5]}
    lost = exact_moments(target, index, mass=LinearDecay(0.5, duration=1.0), **options)
    gaps = [
        np.abs(exact_moments(target, index, mass=LinearDecay(0.5, 1.0, final=m), **options).cov - lost.cov)[2:].max()
        for m in (1e-4, 1e-5)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.1)
    assert gaps[1] < 1e-3


def test_schedules_written_in_jax_keep_double_precision():
    import jax.numpy as jnp

    target, _, _, q, p = problem(2, 1)
    options = {"position": q, "velocity": p, "times": [1.0, 2.0]}
    by_math = exact_moments(target, UniformSwitching(2, 2.0), mass=lambda t: math.exp(-t), **options)
    by_jax = exact_moments(target, UniformSwitching(2, 2.0), mass=lambda t: jnp.exp(-t), **options)
    assert_close(by_jax, by_math, 1e-13)


def test_changing_coefficients_by_iteration_equal_those_by_factorisation(monkeypatch):
    target, _, _, q, p = problem(3, 2)
    options = {"mass": PowerDecay(1.0, 1.0), "position": q, "velocity": p, "times": [0.3, 1.0]}
    index = UniformSwitching(3, PowerDecay(5.0, 0.5))
    factorised = exact_moments(target, index, **options)
    monkeypatch.setattr(jump_system_module, "_DENSE_UNKNOWNS", 0)
    monkeypatch.setattr(jump_system_module, "_DENSE_CARRIED", 0)
    assert_close(exact_moments(target, index, **options), factorised, 1e-12)


def test_many_components_against_a_sparse_exponential():
    """200 components: 1800 coupled equations, the rank one coupling as a matrix."""
    N, rate = 200, 5.0
    target, A, b, q, p = problem(N, 1)
    L = moment_matrix(A, b, uniform_generator(N, 0.0), 0.2, 1.0)
    blocks = scipy.sparse.csr_array(L)
    start = start_vector(np.full(N, 1 / N), np.concatenate([q, p]))

    def apply(y):
        moved = y.reshape(N, -1)
        return blocks @ y.ravel() + rate * (moved.mean(axis=0) - moved).ravel()

    def apply_transposed(y):
        moved = y.reshape(N, -1)
        return blocks.T @ y.ravel() + rate * (moved.mean(axis=0) - moved).ravel()

    operator = scipy.sparse.linalg.LinearOperator(L.shape, matvec=apply, rmatvec=apply_transposed, dtype=np.float64)
    trace = float(blocks.trace()) - rate * (len(start) - 9)
    expected = summarize(scipy.sparse.linalg.expm_multiply(operator * 1.5, start, traceA=1.5 * trace), N)
    ours = exact_moments(target, UniformSwitching(N, rate), mass=0.2, position=q, velocity=p, times=[1.5])
    assert_close((ours.mean[0], ours.cov[0]), expected, 1e-11)


def sample_springs(a, b, mass, friction, rate, start, times, num_paths, seed):
    """Event-driven paths of a 1-D quadratic in plain NumPy: every path waits, flows by its oscillator, redraws."""
    generator = np.random.default_rng(seed)
    index = generator.integers(len(a), size=num_paths)
    q, p = np.full(num_paths, start[0]), np.full(num_paths, start[1])
    now, due = np.zeros(num_paths), generator.exponential(1 / rate, num_paths)

    def flow(q, p, index, t):
        centre, half = b[index] / a[index], friction / (2 * mass)
        w = np.sqrt((a[index] / mass - half * half).astype(complex))
        cosine, sine = np.cos(w * t), np.sin(w * t) / w
        x = q - centre
        fade = np.exp(-half * t)
        moved = fade * (x * cosine + (p + half * x) * sine)
        speed = fade * (p * cosine - (half * p + a[index] / mass * x) * sine)
        return moved.real + centre, speed.real

    saved = []
    for time in times:
        while np.any(due < time):
            (late,) = np.nonzero(due < time)
            q[late], p[late] = flow(q[late], p[late], index[late], due[late] - now[late])
            now[late] = due[late]
            index[late] = generator.integers(len(a), size=len(late))
            due[late] += generator.exponential(1 / rate, len(late))
        q, p = flow(q, p, index, time - now)
        now[:] = time
        saved.append(np.stack([q, p], axis=1))
    return np.stack(saved)


@pytest.mark.parametrize(("mass", "friction", "rate"), [(0.1, 1.0, 10.0), (1.0, 0.5, 1.0), (0.01, 2.0, 3.0)])
def test_monte_carlo_agrees(mass, friction, rate):
    a, b, times = np.array([0.5, 2.0, 4.0]), np.array([1.0, -2.0, 3.0]), [0.5, 2.0, 6.0]
    z = sample_springs(a, b, mass, friction, rate, (2.0, -1.0), times, 20_000, seed=7)
    mean, cov = exact_moments(
        Quadratic(a[:, None], b[:, None]),
        UniformSwitching(3, rate),
        mass=mass,
        friction=friction,
        position=[2.0],
        velocity=[-1.0],
        times=times,
    )
    centred = z - mean[:, None]
    products = centred[..., :, None] * centred[..., None, :]
    root = math.sqrt(z.shape[1])
    assert np.abs((centred.mean(1)) / (z.std(1) / root)).max() < 4
    assert np.abs((products.mean(1) - cov) / (products.std(1) / root)).max() < 4


seeds = st.integers(0, 10**6)
masses = st.sampled_from([0.0, 1e-3, 0.3, 5.0])


@settings(deadline=None, max_examples=10)
@given(seeds, masses, st.integers(1, 4))
@pytest.mark.slow
def test_copies_of_one_component_are_deterministic(seed, mass, copies):
    target, A, b, q, p = problem(1, 2, seed)
    many = Quadratic(np.repeat(A, copies, 0), np.repeat(b, copies, 0))
    options = {"mass": mass, "position": q, "velocity": p, "times": [0.5, 2.0]}
    one = exact_moments(target, UniformSwitching(1, 1.0), **options)
    ours = exact_moments(many, UniformSwitching(copies, 3.0), **options)
    assert_close(ours, one)
    assert np.abs(ours.cov).max() < 1e-11 * max(1, np.abs(one.mean).max() ** 2)


@settings(deadline=None, max_examples=10)
@given(seeds, masses, st.sampled_from([0.25, 2.0, 8.0]))
@pytest.mark.slow
def test_scaling_the_target_is_scaling_time(seed, mass, factor):
    """Remark 21 in continuous time: the process of factor * Phi at mass m/factor runs factor times as fast."""
    target, A, b, q, p = problem(2, 2, seed)
    times = np.array([0.5, 2.0])
    slow = exact_moments(target, UniformSwitching(2, 3.0), mass=mass, position=q, velocity=p, times=times)
    fast = exact_moments(
        Quadratic(factor * A, factor * b),
        UniformSwitching(2, factor * 3.0),
        mass=mass / factor,
        position=q,
        velocity=factor * p,
        times=times / factor,
    )
    units = np.array([1, 1, factor, factor])
    assert_close(fast, (slow.mean * units, slow.cov * np.outer(units, units)))


@settings(deadline=None, max_examples=10)
@given(seeds, masses)
@pytest.mark.slow
def test_rotations_and_translations(seed, mass):
    target, A, b, q, p = problem(3, 2, seed)
    R = np.array([[0.6, -0.8], [0.8, 0.6]])
    shift = np.array([100.0, -50.0])
    index, times = UniformSwitching(3, 2.0), [0.5, 2.0]
    plain = exact_moments(target, index, mass=mass, position=q, velocity=p, times=times)
    turned_A = R @ A @ R.T
    turned = Quadratic(turned_A, b @ R.T + turned_A @ shift)
    # Quadratic rounds to float32: hold against the moments of what it holds
    A_, b_ = np.asarray(turned.A, dtype=np.float64), np.asarray(turned.b, dtype=np.float64)
    A_ = (A_ + A_.swapaxes(1, 2)) / 2
    moved = exact_moments(turned, index, mass=mass, position=R @ q + shift, velocity=R @ p, times=times)
    twice = np.kron(np.eye(2), R)
    offset = np.concatenate([shift, [0, 0]])
    rounding = 1e-6 * (1 + np.abs(b_).max()) * (1 + np.abs(plain.mean).max() ** 2)
    assert np.abs(moved.mean - offset - plain.mean @ twice.T).max() < 10 * rounding
    assert np.abs(moved.cov - twice @ plain.cov @ twice.T).max() < 10 * rounding


def test_far_from_the_origin_the_covariance_keeps_its_digits():
    a, b = np.array([[1.0], [2.0]]), np.array([[1.0], [-1.0]])
    index, options = UniformSwitching(2, 2.0), {"mass": 0.5, "times": [0.5, 2.0]}
    near = exact_moments(Quadratic(a, b), index, position=[0.0], **options)
    far = exact_moments(Quadratic(a, b + a * 2**20), index, position=[float(2**20)], **options)  # exact in float32
    assert np.abs(far.cov - near.cov).max() < 1e-12


class Anything:
    """No index process at all."""

    num_components = 1


GOOD = {
    "target": Quadratic([[1.0], [2.0]], [[1.0], [0.0]]),
    "index": UniformSwitching(2, 1.0),
    "mass": 1.0,
    "friction": 1.0,
    "position": [0.0],
    "times": [1.0],
}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"target": FiniteSum(lambda q, y: q[0] ** 4, np.ones(2))}, TypeError, "`target` must be a Quadratic"),
        ({"index": Anything()}, TypeError, "`index` must be UniformSwitching or MarkovSwitching"),
        ({"index": UniformSwitching(3, 1.0)}, ValueError, "`target` has 2 components"),
        ({"mass": -1.0}, ValueError, "`mass` must be non-negative"),
        ({"mass": lambda t: 0.5 - t}, ValueError, r"`mass\(.*\)` must be non-negative"),
        ({"mass": lambda t: math.nan}, ValueError, r"`mass\(0.0\)` must be finite"),
        ({"friction": 0.0}, ValueError, "`friction` must be positive"),
        ({"position": [0.0, 0.0]}, ValueError, "`position` must be finite and of shape"),
        ({"velocity": [math.nan]}, ValueError, "`velocity` must be finite"),
        ({"times": [1.0, 1.0]}, ValueError, "`times` must be finite, not negative and strictly increasing"),
        ({"times": [-1.0]}, ValueError, "`times`"),
        ({"times": []}, ValueError, "`times`"),
        ({"times": "soon"}, TypeError, "`times` must be made of numbers"),
        ({"position": [1j]}, TypeError, "`position` must be real"),
        ({"covariance": np.eye(3)}, ValueError, "`covariance` must be finite and of shape"),
        ({"covariance": -np.eye(2)}, ValueError, "positive semi-definite"),
        (
            {
                "target": Quadratic(np.ones((60, 1)), np.ones((60, 1))),
                "index": UniformSwitching(60, 1.0, batch_size=20),
            },
            ValueError,
            "one state for each mini-batch",
        ),
    ],
)
def test_bad_input(change, error, message):
    options = {**GOOD, **change}
    with pytest.raises(error, match=message):
        exact_moments(options.pop("target"), options.pop("index"), **options)
