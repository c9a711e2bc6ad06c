"""Index processes: which components drive the flow, and when that changes. Exact in law, whatever the flow does."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from underdamped import _checks
from underdamped.process import clocks, streams
from underdamped.process.arrays import as_doubles
from underdamped.process.clocks import Rate, rate_at
from underdamped.process.streams import Stream


class IndexProcess(eqx.Module):
    """A stationary process that shows the target its components, constant between ticks. Subclass it for your own.

    The methods see one path; the event loop maps them over many. ``shown`` must not depend on anything but the
    state, and the state on nothing but the stream: that is what makes two dynamics share one index path. A process that
    shows component numbers, shape (batch,), must have an attribute ``num_components``, N, which is compared with that
    of the target; one without is taken to show points of continuous data.
    """

    @abstractmethod
    def start(self, stream: Stream) -> tuple[Any, Stream]:
        """A draw from the stationary law."""

    @abstractmethod
    def wait(self, state: Any, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Time until the next tick; infinite if none comes, or, where that is easier, none by the time ``horizon``."""

    @abstractmethod
    def tick(self, state: Any, stream: Stream) -> tuple[Any, Stream]:
        """The state after the tick."""

    @abstractmethod
    def shown(self, state: Any) -> Any:
        """What ``Target.gradient`` gets as ``chosen``."""

    @abstractmethod
    def tick_rate(self, time: float) -> float:
        """Mean number of ticks per unit of time, to size the work. Only the speed depends on it."""


class Redrawing(IndexProcess):
    r"""At each tick of a Poisson clock of rate ``rate`` a fresh draw, whatever was there before; subclasses say which.

    The autocovariance is that of the draw times $e^{-\int\kappa}$. The state is what is shown.
    """

    rate: Rate

    def wait(self, state: Array, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Time until the next redraw."""
        return clocks.next_tick(self.rate, time, horizon, stream)

    def tick(self, state: Array, stream: Stream) -> tuple[Array, Stream]:
        """A fresh draw."""
        return self.start(stream)

    def shown(self, state: Array) -> Array:
        """The draw."""
        return state

    def tick_rate(self, time: float) -> float:
        r"""$\kappa(t)$."""
        return float(rate_at(self.rate, time))


class UniformSwitching(Redrawing):
    r"""The paper's index process: at each tick of a Poisson clock a fresh mini-batch, uniform and without replacement.

    $P(i(t+s) = j \mid i(s) = k) = (1 - e^{-\kappa t})/N + e^{-\kappa t} 1[j = k]$ for single components.

    The rate counts redraws from *all* of $I$, self-jumps included: $\kappa = N\gamma/\nu$ in the paper's symbols, and
    the autocovariance of the index is $e^{-\kappa|t|}$. Batches are drawn by Floyd's algorithm, whose cost does not
    grow with N.

    Args:
        num_components: N.
        rate: $\kappa \ge 0$, a number or a Schedule of time. 0 never switches; ``math.inf`` is the limit of infinitely
            fast switching, the full gradient.
        batch_size: $\ell$, from 1 to N.

    Raises:
        ValueError: If a number is out of range.
        TypeError: If the rate is a function whose ticks could not be drawn exactly.

    Example:
        >>> UniformSwitching(50, rate=10.0).rate
        10.0

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Definition 1 and equation (40); Floyd, *A sample of brilliance*
        (Communications of the ACM, 1987).
    """

    num_components: int = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)

    def __init__(self, num_components: int, rate: Rate, batch_size: int = 1) -> None:
        self.num_components, self.batch_size = check_batch(num_components, batch_size)
        self.rate = clocks.check_rate(rate, infinite=True)

    def start(self, stream: Stream) -> tuple[Int[Array, " batch"], Stream]:
        """A uniform batch, shape (batch_size,)."""
        return _subset(stream, self.num_components, self.batch_size)


class MarkovSwitching(IndexProcess):
    r"""A continuous-time Markov chain on the components with generator $Q$, run at a speed $\eta(t)$: $i(\beta(t))$.

    $P(i(t + dt) = j \mid i(t) = k) = \eta(t)\,Q_{kj}\,dt$ for $j \ne k$.

    Rows are "from", columns "to". What is minimised is $\sum_i \pi_i \Phi_i$ with the stationary law $\pi$: the
    plain mean only if columns sum to zero too. The start is stationary: $\pi$ is the limit from a uniform start, so it
    is defined for reducible generators as well.

    Args:
        generator: $Q$, shape (N, N): non-negative off the diagonal, rows summing to 0.
        speed: $\eta \ge 0$, a number or a Schedule of time.

    Raises:
        ValueError: If ``generator`` is not a generator.

    Example:
        >>> MarkovSwitching([[-1.0, 1.0], [3.0, -3.0]]).stationary.round(6).tolist()
        [0.75, 0.25]

    References:
        Jin, Latz, Liu and Schönlieb (JMLR 24(274), 2023), finite chains.
    """

    generator: Float[Array, "N N"]
    speed: Rate
    stationary: Float[Array, " N"]
    _leaving: Float[Array, " N"]
    _cumulative: Float[Array, "N+1 N"]

    def __init__(self, generator: Any, speed: Rate = 1.0) -> None:
        Q = _check_generator(generator)
        self.generator, self.speed = jnp.asarray(Q), clocks.check_rate(speed, "speed")
        stationary, leaving = stationary_law(Q), -np.diag(Q)
        if not np.abs(stationary @ Q).max() <= 1e-6 * (stationary @ leaving):
            way_out = "its stationary law is lost in rounding"
            raise _checks.fail("generator", "of rates that double precision can tell from 0", Q.tolist(), way_out)
        self.stationary, self._leaving = jnp.asarray(stationary), jnp.asarray(leaving)
        jumps = np.where(np.eye(len(Q), dtype=bool), 0.0, Q) / np.where(leaving > 0, leaving, 1)[:, None]
        self._cumulative = jnp.asarray(np.vstack([_cumulative(row) for row in [stationary, *jumps]]))

    @property
    def num_components(self) -> int:
        """N."""
        return self.generator.shape[0]

    def start(self, stream: Stream) -> tuple[Int[Array, " batch"], Stream]:
        """A component from the stationary law, shape (1,)."""
        return self._draw(0, stream)

    def wait(self, state: Array, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Holding time of the component."""
        return clocks.next_tick(self.speed, time, horizon, stream, self._leaving[state[0]])

    def tick(self, state: Array, stream: Stream) -> tuple[Array, Stream]:
        """The component jumped to."""
        return self._draw(state[0] + 1, stream)

    def shown(self, state: Int[Array, " 1"]) -> Int[Array, " 1"]:
        """The number of the component, shape (1,)."""
        return state

    def tick_rate(self, time: float) -> float:
        """Mean rate of jumps under the stationary law."""
        return float(rate_at(self.speed, time)) * float(self.stationary @ self._leaving)

    def _draw(self, row: Array | int, stream: Stream) -> tuple[Array, Stream]:
        draw, stream = streams.uniform(stream)
        return jnp.searchsorted(self._cumulative[row], draw, side="right")[None].astype(jnp.int32), stream


def _subset(stream: Stream, num_components: int, size: int) -> tuple[Int[Array, " {size}"], Stream]:
    """Uniform among the subsets of ``size``, by Floyd's algorithm: in arbitrary, not uniform, order."""
    if size == 1:
        number, stream = streams.integer(stream, num_components)
        return number[None], stream
    if size == num_components:
        return jnp.arange(size, dtype=jnp.int32), stream

    def add(slot, carry):
        chosen, stream = carry
        last = num_components - size + slot
        draw, stream = streams.integer(stream, last + 1)
        return chosen.at[slot].set(jnp.where(jnp.any(chosen == draw), last, draw)), stream

    return jax.lax.fori_loop(0, size, add, (jnp.full(size, -1, jnp.int32), stream), unroll=size <= 8)


def check_batch(num_components: int, batch_size: int) -> tuple[int, int]:
    """Both as integers, or an error."""
    num_components = _checks.count(num_components, "num_components", "it is the number of components, N")
    way_out = "components of a batch are drawn without replacement"
    return num_components, _checks.count(batch_size, "batch_size", way_out, num_components)


def _check_generator(generator: Any) -> Float[np.ndarray, "N N"]:
    Q = as_doubles(generator, "generator")
    if Q.ndim != 2 or Q.shape[0] != Q.shape[1] or not Q.size:
        raise _checks.fail("generator", "a square matrix", Q.shape, "it has one row and one column a component")
    if not np.isfinite(Q).all():
        raise _checks.fail("generator", "finite", "NaN or infinite entries", "rates of jumping are finite")
    if (Q - np.diag(np.diag(Q)) < 0).any():
        raise _checks.fail(
            "generator", "non-negative off the diagonal", Q.tolist(), "entry (k, j) is a rate of jumping"
        )
    gap = np.abs(Q.sum(1))
    wrong = np.flatnonzero(gap > 1e-6 * np.abs(Q).max(1))  # each row at its own scale; single precision is enough
    if wrong.size:
        way_out = "set the diagonal to minus the sum of the rest of each row"
        given = f"row {wrong[0]} that sums to {gap[wrong[0]]:.3g}"
        raise _checks.fail("generator", "of rows that sum to 0", given, way_out)
    leaving = np.where(np.eye(len(Q), dtype=bool), 0.0, Q)
    return leaving - np.diag(leaving.sum(1))  # exactly, whatever the rounding of the diagonal given


def stationary_law(Q: Float[np.ndarray, "N N"]) -> Float[np.ndarray, " N"]:
    r"""$\lim_t \frac1N 1^\top e^{Qt}$: the projection of the uniform law on the left null space along the range."""
    scale = np.abs(Q).max() or 1.0
    left, singular, right = np.linalg.svd(Q / scale)
    null = singular <= 1e-9 * max(singular.max(), 1.0)
    L, R = left[:, null], right[null].T
    law = np.clip(np.full(len(Q), 1 / len(Q)) @ R @ np.linalg.solve(L.T @ R, L.T), 0, None)
    return law / law.sum()


def _cumulative(probabilities: np.ndarray) -> np.ndarray:
    """Running sums, exactly 1 from the last outcome of positive probability on, so that rounding reaches no other."""
    total = probabilities.cumsum()
    last = np.flatnonzero(probabilities > 0)[-1:]
    total[last[0] if len(last) else 0 :] = 1.0
    return total
