"""The shapes that annotations speak of are checked while tests run, or every other test would pass without them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError

from underdamped.process import FiniteSum, MarkovSwitching, Path, Quadratic, ReflectedBrownianMotion, UniformSwitching
from underdamped.process.moments import jump_system, summarize
from underdamped.process.streams import stream

TARGET = Quadratic(jnp.ones((3, 2)), jnp.zeros((3, 2)))
CHAIN = MarkovSwitching([[-1.0, 1.0], [1.0, -1.0]])
WALK = ReflectedBrownianMotion(1.0, 0.1, [0.0, 0.0], [1.0, 1.0])


def path(**wrong):
    states = {"times": jnp.ones(3), "position": jnp.ones((3, 2)), "velocity": jnp.ones((3, 2))}
    return Path(**states | {"index": jnp.zeros((3, 1), int), "num_switches": jnp.zeros(3, int)} | wrong)


def test_what_fits_is_taken():
    assert path().position.shape == (3, 2)
    assert TARGET.gradient(jnp.ones(2), jnp.array([1])).shape == (2,)


@pytest.mark.parametrize(
    "call",
    [
        lambda: TARGET.gradient(jnp.ones((1, 2))),
        lambda: TARGET.gradient(jnp.ones(2), jnp.array(1)),
        lambda: TARGET.potential(jnp.ones(2), jnp.array([1.0])),
        lambda: FiniteSum(lambda q, y: q @ q, jnp.ones(3)).potential(jnp.ones((1, 2))),
        lambda: path(velocity=jnp.ones((3, 3))),
        lambda: path(times=jnp.ones(4)),
        lambda: path(num_switches=jnp.ones(3)),
        lambda: CHAIN.shown(jnp.array([1, 0])),
        lambda: WALK.tick(jnp.ones((1, 2)), stream(jax.random.key(0), 0)),
        lambda: summarize(jump_system(TARGET, UniformSwitching(3, 1.0), 1.0)[0], np.ones(16), np.ones(2)),
    ],
)
def test_what_does_not_fit_is_caught(call):
    with pytest.raises(TypeCheckError):
        call()
