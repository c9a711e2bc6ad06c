"""Random numbers of one path: a small generator that costs a few instructions a draw inside the event loop.

JAX's threefry seeds it (``fold_in(key, path number)``), so a path depends on the key and its own number alone; inside
the loop xoshiro128++ is several times cheaper. Each function returns the draw and the stream after it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Stream(NamedTuple):
    """State of xoshiro128++: 128 bits, never all zero. Four scalars, so that a million streams are four flat arrays."""

    s0: Array
    s1: Array
    s2: Array
    s3: Array


def stream(key: Array, number: Array | int) -> Stream:
    """The stream of path ``number``: 128 bits of threefry under ``fold_in(key, number)``.

    Two paths overlap only if one's start lies on the other's orbit, within the draws used: for M paths of n draws the
    chance is below $M^2 n / 2^{127}$, that is $10^{-20}$ for $10^7$ paths of $10^4$ draws.
    """
    words = jax.random.bits(jax.random.fold_in(key, number), (4,), jnp.uint32)
    return Stream(words[0], words[1], words[2], words[3] | jnp.uint32(1))  # the one fixed bit keeps it off all zeros


def bits(stream: Stream) -> tuple[Array, Stream]:
    """32 random bits: one step of xoshiro128++ (Blackman and Vigna, ACM TOMS 2021)."""
    s0, s1, s2, s3 = stream
    result = _rotate(s0 + s3, 7) + s0
    shifted = s1 << 9
    s2, s3 = s2 ^ s0, s3 ^ s1
    s1, s0 = s1 ^ s2, s0 ^ s3
    return result, Stream(s0, s1, s2 ^ shifted, _rotate(s3, 11))


def uniform(stream: Stream) -> tuple[Array, Stream]:
    """Uniform on the open interval (0, 1): 32 bits in single precision, 64 in double, never exactly 0 or 1."""
    dtype = jnp.zeros(()).dtype
    high, stream = bits(stream)
    if dtype == jnp.float64:
        low, stream = bits(stream)
        fraction = high.astype(dtype) * 2.0**-32 + low.astype(dtype) * 2.0**-64 + 2.0**-65
    else:
        fraction = high.astype(dtype) * 2.0**-32 + 2.0**-33
    return jnp.minimum(fraction, 1 - jnp.finfo(dtype).epsneg), stream


def exponential(stream: Stream) -> tuple[Array, Stream]:
    """Exponential with mean 1, positive."""
    draw, stream = uniform(stream)
    return -jnp.log(draw), stream


def normal(stream: Stream) -> tuple[Array, Stream]:
    """Standard normal, by the inverse of its distribution function."""
    draw, stream = uniform(stream)
    return jax.scipy.special.ndtri(draw), stream


def integer(stream: Stream, bound: int | Array) -> tuple[Array, Stream]:
    r"""Uniform on $\{0, \dots, \text{bound}-1\}$, bound at most $2^{31}$.

    The high word of bits times bound. Small constant bounds (up to 256) spend 32 bits, others 64, so that no outcome's
    probability is off by more than a relative $2^{-24}$, the rounding of a float32.
    """
    high, stream = bits(stream)
    bound_ = jnp.asarray(bound).astype(jnp.uint32)
    if isinstance(bound, int) and bound <= 256:
        return _high_word(high, bound_).astype(jnp.int32), stream
    low, stream = bits(stream)
    carry = (high * bound_ + _high_word(low, bound_)) < high * bound_  # unsigned addition wrapped
    return (_high_word(high, bound_) + carry).astype(jnp.int32), stream


def _rotate(word: Array, by: int) -> Array:
    return (word << by) | (word >> (32 - by))


def _high_word(x: Array, y: Array) -> Array:
    """Upper 32 bits of the 64-bit product, by 16-bit halves: JAX has no 64-bit integers unless asked for."""
    x_low, x_high, y_low, y_high = x & 0xFFFF, x >> 16, y & 0xFFFF, y >> 16
    middle = x_high * y_low + (x_low * y_low >> 16)
    return x_high * y_high + (middle >> 16) + ((middle & 0xFFFF) + x_low * y_high >> 16)
