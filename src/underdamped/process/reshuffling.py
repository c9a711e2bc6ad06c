"""Epochs: what data loaders really do."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from underdamped.process import clocks, streams
from underdamped.process.clocks import Rate, rate_at
from underdamped.process.streams import Stream
from underdamped.process.switching import IndexProcess, check_batch


class Epoch(NamedTuple):
    """An order, shuffled as far as it was used; the current batch and its place; what a regular clock waits for."""

    order: Array
    batch: Array
    place: Array
    exposure: Array


class Reshuffling(IndexProcess):
    r"""Mini-batches without replacement until the data are used up, then a new random order.

    Every component is shown once an epoch. Each batch alone is uniform, as for ``UniformSwitching``, but batches of one
    epoch exclude one another. A remainder smaller than a batch is dropped, like ``drop_last=True`` of a data loader;
    the start is stationary, in the middle of an epoch. Memory is N integers a path.

    Args:
        num_components: N.
        rate: ticks per unit of time, a number >= 0 or a Schedule of time.
        batch_size: from 1 to N.
        regular: ticks at equal distances of integrated rate, as a training loop with a fixed step has them, instead of
            a Poisson clock; with a random phase, which keeps the start stationary.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If the rate is a function whose ticks could not be drawn exactly.

    Example:
        >>> Reshuffling(50, rate=10.0, batch_size=5).batches_per_epoch
        10

    References:
        Fisher and Yates' shuffle, in Durstenfeld's form, one batch at a time.
    """

    num_components: int = eqx.field(static=True)
    rate: Rate
    batch_size: int = eqx.field(static=True)
    regular: bool = eqx.field(static=True)

    def __init__(self, num_components: int, rate: Rate, batch_size: int = 1, *, regular: bool = False) -> None:
        self.num_components, self.batch_size = check_batch(num_components, batch_size)
        self.rate, self.regular = clocks.check_rate(rate, infinite=True), bool(regular)
        if regular:
            clocks.check_invertible(rate)

    @property
    def batches_per_epoch(self) -> int:
        """Batches in an epoch, without the remainder."""
        return self.num_components // self.batch_size

    def start(self, stream: Stream) -> tuple[Epoch, Stream]:
        """A whole order, since its past is random too, at a uniform place of the epoch."""
        order = jnp.arange(self.num_components, dtype=jnp.int32)
        order, stream = self._shuffle(order, jnp.zeros((), jnp.int32), self.num_components, stream)
        place, stream = streams.integer(stream, self.batches_per_epoch)
        phase, stream = streams.uniform(stream)
        return Epoch(order, self._batch(order, place), place, phase), stream

    def wait(self, state: Epoch, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Time until the next batch."""
        if self.regular:
            return clocks.wait_for(self.rate, time, state.exposure), stream
        return clocks.next_tick(self.rate, time, horizon, stream)

    def tick(self, state: Epoch, stream: Stream) -> tuple[Epoch, Stream]:
        """The next batch of the epoch, or the first of a new one."""
        place = (state.place + 1) % self.batches_per_epoch
        order, stream = self._shuffle(state.order, place * self.batch_size, self.batch_size, stream)
        return Epoch(order, self._batch(order, place), place, jnp.ones_like(state.exposure)), stream

    def shown(self, state: Epoch) -> Int[Array, " {self.batch_size}"]:
        """The numbers of the batch, shape (batch_size,)."""
        return state.batch

    def tick_rate(self, time: float) -> float:
        r"""$\kappa(t)$."""
        return float(rate_at(self.rate, time))

    def _batch(self, order: Array, place: Array) -> Array:
        return jax.lax.dynamic_slice(order, (place * self.batch_size,), (self.batch_size,))

    def _shuffle(self, order: Array, first: Array, count: int, stream: Stream) -> tuple[Array, Stream]:
        """Fill ``count`` slots from ``first`` on with uniform draws among themselves and all later ones, by swaps."""

        def swap(slot: Array, carry: tuple[Array, Stream]) -> tuple[Array, Stream]:
            order, stream = carry
            draw, stream = streams.integer(stream, self.num_components - slot)
            here, there = order[slot], order[slot + draw]
            return order.at[slot].set(there).at[slot + draw].set(here), stream

        return jax.lax.fori_loop(0, count, lambda i, carry: swap(first + i, carry), (order, stream))
