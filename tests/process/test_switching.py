"""Index processes: waiting times, indices and start against their laws, on 1e5 draws with fixed keys."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from underdamped import (
    Constant,
    ExponentialDecay,
    ExponentialGrowth,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    PowerGrowth,
    Scaled,
)
from underdamped.process import (
    Bounded,
    MarkovSwitching,
    PureJump,
    ReflectedBrownianMotion,
    Reshuffling,
    UniformSwitching,
)
from underdamped.process.streams import stream

M = 100_000


def walk(index, num_ticks, num_paths=M, seed=0, horizon=1e6):
    """What is shown, (ticks + 1, paths, ...), and tick times, (ticks, paths), of ``num_paths`` index paths."""

    def path(number):
        state, random = index.start(stream(jax.random.key(seed), number))
        time, shown, times = jnp.zeros(()), [index.shown(state)], []
        for _ in range(num_ticks):
            wait, random = index.wait(state, time, horizon, random)
            state, random = index.tick(state, random)
            time = time + wait
            shown.append(index.shown(state))
            times.append(time)
        return jnp.stack(shown), jnp.stack(times)

    shown, times = jax.jit(jax.vmap(path))(jnp.arange(num_paths, dtype=jnp.uint32))
    return np.asarray(shown).swapaxes(0, 1), np.asarray(times, dtype=np.float64).T


def accept(p_value):
    assert p_value > 1e-3


def chi_square(outcomes, probabilities):
    counts = np.bincount(outcomes, minlength=len(probabilities))
    probabilities = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities, dtype=np.float64)
    assert (counts[probabilities == 0] == 0).all()
    possible = probabilities > 0
    if possible.sum() == 1:
        return 1.0  # the only outcome came every time
    return scipy.stats.chisquare(counts[possible], probabilities[possible] * counts.sum()).pvalue


INTEGRALS = {
    "number": (2.0, lambda t: 2 * t),
    "constant": (Constant(2.0), lambda t: 2 * t),
    "power decay": (PowerDecay(3.0, 0.5, 2.0), lambda t: 6 * (1 - 1 / (1 + 0.5 * t))),
    "harmonic decay": (PowerDecay(3.0, 0.5), lambda t: 6 * np.log1p(0.5 * t)),
    "root decay": (PowerDecay(3.0, 0.5, 0.5), lambda t: 12 * (np.sqrt(1 + 0.5 * t) - 1)),
    "beta(t) = t^2": (PowerGrowth(2.0), lambda t: t**2),
    "shifted growth": (PowerGrowth(1.5, 0.5, start=2.0), lambda t: (t + 2) ** 1.5 - 2**1.5),
    "exponential decay": (ExponentialDecay(3.0, 0.7), lambda t: 3 / 0.7 * -np.expm1(-0.7 * t)),
    "geometric decay": (GeometricDecay(3.0, 0.5), lambda t: 3 / math.log(2) * (1 - 0.5**t)),
    "exponential growth": (ExponentialGrowth(0.5, 1.3), lambda t: 0.5 / 1.3 * np.expm1(1.3 * t)),
    "scaled growth": (Scaled(PowerGrowth(1.0), 2.0), lambda t: t**2),
    "twice scaled": (Scaled(Scaled(ExponentialDecay(1.0, 0.7), 6.0), 0.5), lambda t: 3 / 0.7 * -np.expm1(-0.7 * t)),
    "scaled and thinned": (Scaled(LinearDecay(2.0, 3.0), 2.0), lambda t: 4 * np.where(t < 3, t - t**2 / 6, 1.5)),
    "thinned decay": (LinearDecay(4.0, 3.0), lambda t: 4 * np.where(t < 3, t - t**2 / 6, 1.5)),
    "thinned, bounded": (Bounded(lambda t: 1 + jnp.sin(3 * t), 2.0), lambda t: t + (1 - np.cos(3 * t)) / 3),
}


@pytest.mark.parametrize("name", INTEGRALS)
def test_ticks_of_a_clock_are_a_poisson_process_in_integrated_rate(name):
    """The integral between ticks is Exp(1), cut off where a decaying rate has no more to give."""
    rate, integral = INTEGRALS[name]
    _, times = walk(UniformSwitching(3, rate), 3)
    with np.errstate(over="ignore"):
        total = integral(1e9)  # a decaying rate may never tick again
    spent = np.where(np.isfinite(times), integral(np.where(np.isfinite(times), times, 0.0)), total)
    before = np.vstack([np.zeros(M), spent[:-1]])
    for start, end in zip(before, spent, strict=True):
        ticked = end < total * (1 - 1e-6)
        alive = start < total * (1 - 1e-6)
        u = -np.expm1(-(end - start)[alive & ticked])
        ceiling = -np.expm1(-(total - start))
        accept(scipy.stats.kstest(u / ceiling[alive & ticked], "uniform").pvalue)
        if total < 20:
            expected = ceiling[alive].sum()
            spread = math.sqrt((ceiling * (1 - ceiling))[alive].sum()) + 1e-9
            assert abs((alive & ticked).sum() - expected) < 4 * spread


def test_late_clocks_keep_their_digits():
    """At time 1e6 a float32 clock of t^2 still waits Exp with rate 2e6."""

    def wait(number):
        return UniformSwitching(3, PowerGrowth(2.0)).wait(
            None, jnp.float32(1e6), jnp.inf, stream(jax.random.key(1), number)
        )[0]

    waits = np.asarray(jax.vmap(wait)(jnp.arange(M, dtype=jnp.uint32)), dtype=np.float64)
    accept(scipy.stats.kstest(waits * 2e6, "expon").pvalue)


@pytest.mark.parametrize("rate", [0.0, Scaled(PowerGrowth(2.0), 0.0), Scaled(LinearDecay(2.0, 1.0), 0.0)], ids=repr)
def test_rate_zero_never_ticks(rate):
    assert np.isinf(walk(UniformSwitching(3, rate), 1, 100)[1]).all()


@pytest.mark.slow
def test_a_scaled_schedule_is_inverted_as_the_schedule_itself():
    """The same draws give the same ticks: no proposal of a thinning is spent, on a regular clock neither."""
    for options in ({"index": UniformSwitching}, {"index": Reshuffling, "regular": True}):
        make = options.pop("index")
        times = [
            walk(make(4, rate, **options), 3, 100)[1] for rate in (PowerGrowth(3.0), Scaled(PowerGrowth(1.0), 3.0))
        ]
        np.testing.assert_allclose(times[0], times[1], rtol=1e-5)


def test_uniform_switching_redraws_from_all():
    shown, _ = walk(UniformSwitching(7, 1.0), 2)
    pairs = shown[1, :, 0] * 7 + shown[2, :, 0]
    accept(chi_square(pairs, np.full(49, 1 / 49)))


@pytest.mark.parametrize(("N", "size"), [(6, 2), (6, 3), (6, 5), (5, 5), (300, 2)])
def test_batches_are_uniform_among_subsets(N, size):
    shown, _ = walk(UniformSwitching(N, 1.0, size), 1)
    batches = np.sort(shown[1], axis=1)
    assert (np.diff(batches, axis=1) > 0).all()
    assert batches.min() >= 0
    assert batches.max() < N
    if math.comb(N, size) < 1000:
        numbers = {subset: k for k, subset in enumerate(itertools.combinations(range(N), size))}
        outcomes = np.array([numbers[tuple(batch)] for batch in batches.tolist()])
        accept(chi_square(outcomes, np.full(len(numbers), 1 / len(numbers))) if len(numbers) > 1 else 1.0)
    else:
        accept(chi_square(batches.ravel(), np.full(N, 1 / N)))


def test_large_numbers_of_components_are_uniform():
    shown, _ = walk(UniformSwitching(3_000_000, 1.0), 1)
    accept(scipy.stats.kstest(shown[1, :, 0] / 3e6, "uniform").pvalue)
    accept(chi_square(shown[1, :, 0] % 10, np.full(10, 0.1)))


def test_markov_switching_follows_its_generator():
    Q = np.array([[-3.0, 1.0, 2.0], [0.5, -0.5, 0.0], [4.0, 1.0, -5.0]])
    index = MarkovSwitching(Q, speed=2.0)
    pi = np.asarray(index.stationary, dtype=np.float64)
    np.testing.assert_allclose(pi @ Q, 0, atol=1e-6)
    shown, times = walk(index, 1)
    before, after = shown[0, :, 0], shown[1, :, 0]
    accept(chi_square(before, pi))
    for k in range(3):
        accept(chi_square(after[before == k], np.where(np.arange(3) == k, 0, Q[k] / -Q[k, k])))
        accept(scipy.stats.kstest(times[0, before == k] * 2 * -Q[k, k], "expon").pvalue)


def test_markov_switching_with_uniform_jumps_is_uniform_switching():
    """Generator N gamma (1/N - Id) and redraws at rate N gamma have the same transition law."""
    N, kappa, t = 4, 1.5, 0.6
    _, times = walk(MarkovSwitching(kappa * (np.full((N, N), 1 / N) - np.eye(N))), 1)
    accept(scipy.stats.kstest(times[0], "expon", args=(0, 1 / (kappa * (N - 1) / N))).pvalue)
    shown, times = walk(UniformSwitching(N, kappa), 12)
    at_t = shown[(times < t).sum(0), np.arange(M), 0]
    stay = (1 - math.exp(-kappa * t)) / N + math.exp(-kappa * t)
    same = (at_t == shown[0, :, 0]).mean()
    assert abs(same - stay) < 4 * math.sqrt(stay * (1 - stay) / M)


def test_reducible_generators_keep_the_uniform_start():
    np.testing.assert_allclose(MarkovSwitching(np.zeros((4, 4))).stationary, 0.25)
    two_classes = np.array([[-1, 1, 0, 0], [1, -1, 0, 0], [0, 0, -1, 1], [0, 0, 3, -3.0]])
    np.testing.assert_allclose(MarkovSwitching(two_classes).stationary, [0.25, 0.25, 0.375, 0.125], atol=1e-6)


def test_reshuffling_shows_every_component_once_an_epoch():
    index = Reshuffling(7, 1.0, batch_size=2)
    shown, _ = walk(index, 9, num_paths=20_000)
    accept(chi_square(shown[0].ravel(), np.full(7, 1 / 7)))
    accept(chi_square(shown[9, :, 0] * 7 + shown[9, :, 1], (1 - np.eye(7)).ravel() / 42))
    # Three batches an epoch: in every path, one of the three phases has no repetition within any epoch.
    whole = np.zeros(20_000, dtype=bool)
    for phase in range(3):
        epochs = [shown[start : start + 3] for start in range(phase, 8, 3)]
        whole |= np.all(
            [(np.diff(np.sort(np.concatenate(list(e), axis=1)), axis=1) > 0).all(1) for e in epochs], axis=0
        )
    assert whole.all()


def test_reshuffling_on_a_regular_clock_starts_at_a_uniform_phase():
    _, times = walk(Reshuffling(4, 5.0, regular=True), 3)
    accept(scipy.stats.kstest(times[0] * 5, "uniform").pvalue)
    np.testing.assert_allclose(np.diff(times, axis=0), 0.2, rtol=1e-5)


def test_pure_jump_is_uniform_on_its_box():
    shown, times = walk(PureJump(3.0, [-1.0, 0.0], [1.0, 5.0]), 1)
    for k, (low, width) in enumerate([(-1, 2), (0, 5)]):
        accept(scipy.stats.kstest(shown[0, :, k], "uniform", args=(low, width)).pvalue)
        accept(scipy.stats.kstest(shown[1, :, k], "uniform", args=(low, width)).pvalue)
        assert abs(np.corrcoef(shown[0, :, k], shown[1, :, k])[0, 1]) < 4 / math.sqrt(M)
    accept(scipy.stats.kstest(times[0] * 3, "expon").pvalue)


def test_reflected_brownian_motion_is_uniform_with_the_neumann_correlation():
    """The first cosine decays at rate sigma^2 pi^2 / (2 width^2), whatever the step: projection would not do that."""
    sigma, step, width = 0.8, 0.2, 2.0
    shown, times = walk(ReflectedBrownianMotion(sigma, step, -1.0, 1.0), 3)
    assert (np.abs(shown) <= 1).all()
    for at in (0, 1, 3):
        accept(scipy.stats.kstest(shown[at, :, 0], "uniform", args=(-1, 2)).pvalue)
    cosine = np.cos(np.pi * (shown[..., 0] + 1) / width)
    for lag in (1, 3):
        product = cosine[0] * cosine[lag]
        expected = 0.5 * math.exp(-(sigma**2) * math.pi**2 / (2 * width**2) * step * lag)
        assert abs(product.mean() - expected) < 4 * product.std() / math.sqrt(M)
    np.testing.assert_allclose(np.diff(times, axis=0), step, rtol=1e-5)
