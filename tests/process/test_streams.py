"""The generator of one path against its published recurrence, and its draws against their laws."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats

from underdamped.process.streams import Stream, bits, exponential, integer, normal, stream, uniform

M = 100_000


def many(draw, num_draws=1, num_streams=M, seed=0):
    def one(number):
        random, draws = stream(jax.random.key(seed), number), []
        for _ in range(num_draws):
            value, random = draw(random)
            draws.append(value)
        return jnp.stack(draws)

    return np.asarray(jax.jit(jax.vmap(one))(jnp.arange(num_streams, dtype=jnp.uint32)))


def test_bits_are_xoshiro128_plus_plus():
    """The recurrence of Blackman and Vigna (ACM TOMS 2021), in Python integers."""
    mask = 0xFFFFFFFF

    def rotl(x, k):
        return (x << k | x >> (32 - k)) & mask

    state = [0x12345678, 0x9ABCDEF0, 0x0F1E2D3C, 0xFFFFFFFF]
    ours = Stream(*(jnp.uint32(word) for word in state))
    for _ in range(1000):
        expected = (rotl((state[0] + state[3]) & mask, 7) + state[0]) & mask
        t = (state[1] << 9) & mask
        state[2] ^= state[0]
        state[3] ^= state[1]
        state[1] ^= state[2]
        state[0] ^= state[3]
        state[2] ^= t
        state[3] = rotl(state[3], 11)
        got, ours = jax.jit(bits)(ours)
        assert int(got) == expected
    assert [int(word) for word in ours] == state


def test_streams_of_many_paths_start_apart():
    words = many(lambda s: (jnp.stack(s), s), num_streams=1_000_000)[:, 0]
    packed = words.astype(np.uint64) @ np.array([1, 1 << 32, 0, 0], dtype=np.uint64)
    assert len(np.unique(packed)) == len(packed)
    assert (words != 0).any(axis=1).all()
    for k in range(4):  # every bit but the one that is fixed is fair
        ones = np.unpackbits(words[:, k].copy().view(np.uint8).reshape(-1, 4), axis=1).mean(0)
        fair = np.ones(32, dtype=bool)
        fair[7] = k != 3
        assert (np.abs(ones[fair] - 0.5) < 5 / math.sqrt(4 * len(words))).all()


def test_successive_draws_of_a_stream_are_independent_and_uniform():
    draws = many(lambda s: uniform(s), 8).astype(np.float64)
    for k in range(8):
        assert scipy.stats.kstest(draws[:, k], "uniform").pvalue > 1e-3
    cells = (draws * 8).astype(int)
    for lag in (1, 2, 7):
        counts = np.bincount(cells[:, 0] * 8 + cells[:, lag], minlength=64)
        assert scipy.stats.chisquare(counts).pvalue > 1e-3


def test_neighbouring_streams_are_independent():
    draws = many(lambda s: uniform(s), 1)[:, 0].astype(np.float64)
    cells = (draws * 8).astype(int)
    assert scipy.stats.chisquare(np.bincount(cells[:-1] * 8 + cells[1:], minlength=64)).pvalue > 1e-3


def test_a_long_stream_is_uniform():
    def step(random, _):
        draw, random = uniform(random)
        return random, draw

    draws = jax.lax.scan(step, stream(jax.random.key(3), 5), length=M)[1]
    assert scipy.stats.kstest(np.asarray(draws, dtype=np.float64), "uniform").pvalue > 1e-3


def test_exponential_and_normal():
    assert scipy.stats.kstest(many(exponential)[:, 0].astype(np.float64), "expon").pvalue > 1e-3
    assert scipy.stats.kstest(many(normal)[:, 0].astype(np.float64), "norm").pvalue > 1e-3


def test_draws_are_finite_at_both_ends_of_the_bits():
    for word in (0, 0xFFFFFFFF):
        # The state that yields this word: s0 = 0 and rotl(s3, 7) = word.
        s3 = ((word >> 7) | (word << 25)) & 0xFFFFFFFF
        random = Stream(jnp.uint32(0), jnp.uint32(0), jnp.uint32(0), jnp.uint32(s3))
        assert int(bits(random)[0]) == word
        assert 0 < float(uniform(random)[0]) < 1
        assert 0 < float(exponential(random)[0]) < math.inf
        assert math.isfinite(float(normal(random)[0]))


def test_integers_are_the_high_word_of_the_product():
    draws = many(lambda s: bits(s), 2).astype(object)
    for bound in (50, 256):
        got = many(lambda s, bound=bound: integer(s, bound))[:, 0]
        np.testing.assert_array_equal(got, ((draws[:, 0] * bound) >> 32).astype(np.int64))
    for bound in (257, 2**31 - 1):
        got = many(lambda s, bound=bound: integer(s, bound))[:, 0]
        np.testing.assert_array_equal(got, (((draws[:, 0] * 2**32 + draws[:, 1]) * bound) >> 64).astype(np.int64))


def test_double_precision_draws_have_double_precision():
    with jax.enable_x64(True):
        draws = many(uniform)[:, 0]
    assert draws.dtype == np.float64
    assert len(np.unique(draws)) == M  # 32 bits would repeat about once
    assert (draws * 2.0**32 % 1 != 0).mean() > 0.99
    assert scipy.stats.kstest(draws, "uniform").pvalue > 1e-3
