"""Index processes on continuous data: the index is a data point itself."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from underdamped import _checks
from underdamped.process import clocks, streams
from underdamped.process.arrays import as_finite
from underdamped.process.clocks import Rate
from underdamped.process.streams import Stream
from underdamped.process.switching import IndexProcess, Redrawing


class PureJump(Redrawing):
    r"""At each tick of a Poisson clock a fresh data point, uniform on a box.

    The continuous counterpart of ``UniformSwitching``: autocovariance $e^{-\lambda|t|}$, uniform law at all times.

    Args:
        rate: $\lambda \ge 0$, a number or a Schedule of time.
        low: lower corner of the box, (D,) or a number.
        high: upper corner.

    Raises:
        ValueError: If a number is out of range or the box is empty.
        TypeError: If the rate is a function whose ticks could not be drawn exactly.

    Example:
        >>> PureJump(rate=10.0, low=-1.0, high=1.0).dimension
        1

    References:
        Jin, Latz, Liu and Schönlieb (JMLR 2023), pure jump process.
    """

    low: Float[Array, " D"]
    high: Float[Array, " D"]

    def __init__(self, rate: Rate, low: Any, high: Any) -> None:
        self.rate = clocks.check_rate(rate, infinite=True)
        self.low, self.high = _box(low, high)

    @property
    def dimension(self) -> int:
        """D."""
        return self.low.shape[0]

    def start(self, stream: Stream) -> tuple[Float[Array, " D"], Stream]:
        """A uniform point, (D,)."""
        return _uniform_point(self.low, self.high, stream)


class ReflectedBrownianMotion(IndexProcess):
    r"""Brownian motion in a box, reflected at its walls: $\sigma B_t$ folded back, uniform at all times.

    The path is shown at steps of ``step`` and held in between; its values there have the exact transition law, since
    folding the line onto the interval turns Brownian motion into reflected Brownian motion. (Projecting a step that
    left the box onto the wall does not: it piles mass up there.) Coordinates are independent.

    Args:
        volatility: $\sigma > 0$, in units of the box per square root of time.
        step: time for which a value is held, $> 0$.
        low: lower corner of the box, (D,) or a number.
        high: upper corner.

    Raises:
        ValueError: If a number is out of range or the box is empty.

    Example:
        >>> ReflectedBrownianMotion(volatility=0.5, step=0.01, low=-1.0, high=1.0).tick_rate(0.0)
        100.0

    References:
        Jin, Latz, Liu and Schönlieb (JMLR 2023), reflected Brownian motion.
    """

    volatility: float
    step: float
    low: Float[Array, " D"]
    high: Float[Array, " D"]

    def __init__(self, volatility: float, step: float, low: Any, high: Any) -> None:
        self.volatility = _checks.positive(volatility, "volatility", "at 0 the index would never move")
        self.step = _checks.positive(step, "step", "it is the time for which a value is held")
        self.low, self.high = _box(low, high)

    @property
    def dimension(self) -> int:
        """D."""
        return self.low.shape[0]

    def start(self, stream: Stream) -> tuple[Float[Array, " D"], Stream]:
        """A uniform point, (D,)."""
        return _uniform_point(self.low, self.high, stream)

    def wait(self, state: Array, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Always ``step``."""
        return jnp.full_like(time, self.step), stream

    def tick(self, state: Float[Array, " D"], stream: Stream) -> tuple[Float[Array, " D"], Stream]:
        """The value one step later."""
        draws = []
        for _ in range(self.dimension):
            draw, stream = streams.normal(stream)
            draws.append(draw)
        return _fold(state + self.volatility * jnp.sqrt(self.step) * jnp.stack(draws), self.low, self.high), stream

    def shown(self, state: Float[Array, " D"]) -> Float[Array, " D"]:
        """The point, (D,)."""
        return state

    def tick_rate(self, time: float) -> float:
        """One tick a step."""
        return 1 / self.step


def _box(low: Any, high: Any) -> tuple[Array, Array]:
    low, high = (jnp.atleast_1d(as_finite(end, name)) for end, name in ((low, "low"), (high, "high")))
    if low.shape != high.shape or low.ndim != 1 or (np.asarray(low) >= np.asarray(high)).any():
        given = (np.asarray(low).tolist(), np.asarray(high).tolist())
        raise _checks.fail("low", "below `high` in every coordinate", given, "they are opposite corners of a box")
    return low.astype(float), high.astype(float)


def _uniform_point(low: Array, high: Array, stream: Stream) -> tuple[Array, Stream]:
    draws = []
    for _ in range(low.shape[0]):
        draw, stream = streams.uniform(stream)
        draws.append(draw)
    return low + (high - low) * jnp.stack(draws), stream


def _fold(point: Array, low: Array, high: Array) -> Array:
    """The line folded onto [low, high], as a strip of paper is."""
    width = high - low
    return high - jnp.abs(jnp.mod(point - low, 2 * width) - width)
