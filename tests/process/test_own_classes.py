"""The smallest target and the smallest index process of one's own, and what is said where something is missing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from underdamped.process import ExponentialHeun, IndexProcess, Target, UniformSwitching, simulate

OPTIONS = {
    "mass": 0.1,
    "position": [2.0],
    "times": [1.0],
    "key": jax.random.key(0),
    "flow": ExponentialHeun(0.01),
}


class Wells(Target):
    """Two parabolas, around 0 and 1."""

    num_components = 2

    def gradient(self, position, chosen=None):
        """Of one of them."""
        return position - (0.5 if chosen is None else chosen[0])

    def potential(self, position, chosen=None):
        """Of one of them."""
        return 0.5 * jnp.sum(self.gradient(position, chosen) ** 2)


class Alternating(IndexProcess):
    """0, 1, 0, ... at times 1/4, 1/2, ..."""

    num_components = 2

    def start(self, stream):
        """Always at 0."""
        return jnp.array([0]), stream

    def wait(self, state, time, horizon, stream):
        """Always the same."""
        return jnp.asarray(0.25), stream

    def tick(self, state, stream):
        """To the other one."""
        return 1 - state, stream

    def shown(self, state):
        """The state."""
        return state

    def tick_rate(self, time):
        """Four a unit of time."""
        return 4.0


class CountlessWells(Wells):
    """Does not say how many components it has."""

    num_components = None


class CountlessAlternating(Alternating):
    """Does not say of how many components it shows one."""

    num_components = None


def test_the_smallest_of_both_do():
    path = simulate(Wells(), Alternating(), **OPTIONS | {"mass": 0.0, "times": [0.25, 0.5]})
    first = 2 * np.exp(-0.25)
    np.testing.assert_allclose(path.position[:, 0], [first, 1 + (first - 1) * np.exp(-0.25)], rtol=1e-5)


def test_what_declares_no_components_is_told_so():
    given = r"got '2 components': `target` has no `num_components`, but data points; if `target` is about numbered"
    with pytest.raises(ValueError, match=given):
        simulate(CountlessWells(), UniformSwitching(2, 1.0), **OPTIONS)
    given = r"got 'no `num_components`, but data points': `target` has 2 components; if `index` is about numbered"
    with pytest.raises(ValueError, match=given):
        simulate(Wells(), CountlessAlternating(), **OPTIONS)
