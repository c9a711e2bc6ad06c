"""The index processes of the table: fresh points, reflected Brownian motion, pure jumps; and a cruder reflection."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from underdamped.process import IndexProcess, PureJump, ReflectedBrownianMotion, streams
from underdamped.process.streams import Stream
from underdamped.studies.continuous_data.regression import HIGH, LOW

VOLATILITIES = (5.0, 0.5, 0.05)
RATES = (10.0, 1.0, 0.1)
SGD = "SGD"


class FreshPoints(PureJump):
    """A fresh uniform point at each tick of a regular clock: the index of SGD.

    Args:
        step: time between ticks, $> 0$.

    Example:
        >>> FreshPoints(0.1).tick_rate(0.0)
        10.0
    """

    step: float

    def __init__(self, step: float) -> None:
        super().__init__(1 / step, LOW, HIGH)
        self.step = step

    def wait(self, state: Array, time: Array, horizon: Array, stream: Stream) -> tuple[Array, Stream]:
        """Always ``step``."""
        del state, horizon
        return jnp.full_like(time, self.step), stream


class ProjectedBrownianMotion(ReflectedBrownianMotion):
    r"""Euler steps of $\sigma B_t$, those that leave the interval put back onto its end.

    What one may write for a reflected Brownian motion, and what it is only in the limit of short steps: its law piles
    up at the ends.

    Args:
        volatility: $\sigma > 0$.
        step: time for which a value is held, $> 0$.
        substeps: Euler steps in it.
    """

    substeps: int = eqx.field(static=True)

    def __init__(self, volatility: float, step: float, substeps: int) -> None:
        super().__init__(volatility, step, LOW, HIGH)
        self.substeps = substeps

    def tick(self, state: Array, stream: Stream) -> tuple[Array, Stream]:
        """The value one step later."""
        for _ in range(self.substeps):
            draw, stream = streams.normal(stream)
            state = jnp.clip(state + self.volatility * (self.step / self.substeps) ** 0.5 * draw, self.low, self.high)
        return state, stream


def index_processes(step: float, *, projected_substeps: int = 0) -> dict[str, IndexProcess]:
    """The seven rows of the published table by name.

    Args:
        step: time that passes for the index between two steps of the scheme.
        projected_substeps: Euler steps a ``step`` of a projected Brownian motion; 0 for the exact, reflected one.

    Returns:
        Names and processes, in the order of the table.
    """
    processes: dict[str, IndexProcess] = {SGD: FreshPoints(step)}
    for volatility in VOLATILITIES:
        processes[f"reflected diffusion σ={volatility:g}"] = (
            ProjectedBrownianMotion(volatility, step, projected_substeps)
            if projected_substeps
            else ReflectedBrownianMotion(volatility, step, LOW, HIGH)
        )
    for rate in RATES:
        processes[f"pure jump λ={rate:g}"] = PureJump(rate, LOW, HIGH)
    return processes
