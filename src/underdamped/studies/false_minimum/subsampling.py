r"""Beyond the paper: the false minimiser when only one of the two terms is seen at a time, at several rates."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from underdamped.process import ExponentialHeun, FiniteSum, Probability, UniformSwitching, simulate_ensemble

TERMS = FiniteSum(
    lambda q, chosen: jnp.sum(2 * jnp.where(chosen == 0, (jax.nn.relu(q) - 1) ** 2, q**2)), jnp.array([0, 1])
)
r"""$2(\max(x, 0) - 1)^2$ and $2x^2$: the two terms of equation (5), doubled, so that their mean is the potential."""

RIGHT = Probability(lambda q, _: q[0] > 0)


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


def share_on_the_right(
    mass: float, friction: float, rate: float, start: float, duration: float, step: float, num_paths: int, key: Array
) -> tuple[Share, Share]:
    r"""How many paths are right of 0 at half of ``duration`` and at its end, from $q_0$ = ``start``, $p_0 = 0$.

    Args:
        mass: $m \ge 0$.
        friction: $\alpha > 0$.
        rate: $\kappa$ of the redraws from both terms; ``inf`` is the full gradient, whose one path is simulated once.
        start: $q_0 < 0$.
        duration: end of time.
        step: of the integrator, exponential Heun.
        num_paths: size of the ensemble.
        key: JAX key.

    Returns:
        The two shares; of the full gradient without spread.

    Example:
        >>> import jax
        >>> half, end = share_on_the_right(1.0, 1.0, math.inf, -1.0, 20.0, 0.05, 100, jax.random.key(0))
        >>> end
        Share(value=1.0, low=1.0, high=1.0)
    """
    ensemble = simulate_ensemble(
        TERMS,
        UniformSwitching(2, rate),
        mass=mass,
        friction=friction,
        position=[start],
        times=[duration / 2, duration],
        key=key,
        flow=ExponentialHeun(step),
        num_paths=1 if math.isinf(rate) else num_paths,
        statistics=(RIGHT,),
        progress=False,
    )
    assert ensemble.probability is not None
    first, last = (float(value) for value in ensemble.probability)
    if math.isinf(rate):
        return Share(first, first, first), Share(last, last, last)
    return wilson(first, num_paths), wilson(last, num_paths)


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
