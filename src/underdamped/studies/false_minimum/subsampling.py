r"""Beyond the paper: the false minimiser when only one of the two terms is seen at a time, at several rates."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.process import ExponentialHeun, FiniteSum, UniformSwitching, simulate_ensemble

TERMS = FiniteSum(
    lambda q, chosen: jnp.sum(2 * jnp.where(chosen == 0, (jax.nn.relu(q) - 1) ** 2, q**2)), jnp.array([0, 1])
)
r"""$2(\max(x, 0) - 1)^2$ and $2x^2$: the two terms of equation (5), doubled, so that their mean is the potential."""


class Share(NamedTuple):
    """A share of paths with its Wilson interval.

    Attributes:
        value: hits / paths.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


class Shares(NamedTuple):
    """What became of the paths at one friction and mass.

    Attributes:
        passed_half: right of 0 at some time up to half of the duration.
        passed: right of 0 at some time up to its end.
        right: right of 0 at its end; a path that passed may have come back.
    """

    passed_half: Share
    passed: Share
    right: Share


def shares(
    mass: float, friction: float, rate: float, start: float, duration: float, step: float, num_paths: int, key: Array
) -> Shares:
    r"""How many paths pass 0 from $q_0$ = ``start``, $p_0 = 0$: $P(\max_{t \le T} q_t > 0)$, and $P(q_T > 0)$.

    The maximum is that over equidistant times, no further apart than ``step``; an excursion between two of them is
    missed. Double precision, because a path that nears 0 may pass from as close as numbers go.

    Args:
        mass: $m \ge 0$.
        friction: $\alpha > 0$.
        rate: $\kappa$ of the redraws from both terms; ``inf`` is the full gradient, whose one path is simulated once.
        start: $q_0 < 0$.
        duration: end of time, $T$.
        step: of the integrator, exponential Heun, and of the times at which the maximum is taken.
        num_paths: size of the ensemble.
        key: JAX key.

    Returns:
        The shares; of the full gradient without spread.

    Example:
        >>> import jax
        >>> shares(1.0, 1.0, math.inf, -1.0, 20.0, 0.05, 100, jax.random.key(0)).passed
        Share(value=1.0, low=1.0, high=1.0)
    """
    is_full = math.isinf(rate)
    times = duration * np.linspace(0, 1, 1 + 2 * math.ceil(duration / step / 2 - 1e-9))[1:]  # half of T is one of them
    with jax.enable_x64(True):
        ensemble = simulate_ensemble(
            TERMS,
            UniformSwitching(2, rate),
            mass=mass,
            friction=friction,
            position=[start],
            times=times,
            key=key,
            flow=ExponentialHeun(step),
            num_paths=1 if is_full else num_paths,
            progress=False,
        )
    assert ensemble.position is not None
    is_right = ensemble.position[:, :, 0] > 0
    found = (is_right[:, : len(times) // 2].any(axis=1), is_right.any(axis=1), is_right[:, -1])
    values = [float(hits.mean()) for hits in found]
    return Shares(*(Share(value, value, value) if is_full else wilson(value, num_paths) for value in values))


def wilson(share: float, count: int, quantile: float = 1.959963984540054) -> Share:
    r"""A share with its interval, which stays in [0, 1] and has a width at 0 and 1 too.

    The probabilities $\pi$ with $|\hat\pi - \pi| \le z\sqrt{\pi(1-\pi)/n}$.

    Args:
        share: $\hat\pi$, hits / count.
        count: $n \ge 1$.
        quantile: $z$ of the normal law; 95 % by default.

    Returns:
        The share and its interval.

    Example:
        >>> [round(value, 4) for value in wilson(0.0, 100)]
        [0.0, 0.0, 0.037]

    References:
        Wilson, *Probable inference, the law of succession, and statistical inference* (JASA 1927).
    """
    square = quantile**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(share * (1 - share) * square + square**2 / 4) / (1 + square)
    return Share(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))
