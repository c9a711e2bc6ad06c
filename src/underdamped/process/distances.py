"""Distances between laws of positions and between paths, each with the interval that belongs to it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.spatial.distance
import scipy.stats

from underdamped import _checks
from underdamped.process.arrays import as_doubles

_LARGEST_COST_MATRIX = 10**8
"""Entries of the exact transport problem (0.8 GB); beyond, the network simplex would take hours as well."""


class Interval(NamedTuple):
    """An estimate with its confidence interval.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


class PathMetric(NamedTuple):
    """Distance of two paths in the metric of Theorem 5, from paths known on ``[0, times[-1]]`` only.

    Attributes:
        distance: the metric if the running supremum stayed where it is at the last time: a lower bound of the tail.
        tail_bound: how much more the unseen rest of the paths can add at most; below ``exp(-times[-1])``.
    """

    distance: np.ndarray
    tail_bound: np.ndarray


def wasserstein(
    first: Any, second: Any, order: float = 2, *, first_weights: Any = None, second_weights: Any = None
) -> float:
    r"""Wasserstein distance $W_p$ of two empirical laws, exact in any dimension.

    $$W_p^p = \min_{\pi} \int |x - y|^p\, \pi(\mathrm{d}x, \mathrm{d}y)$$

    over the couplings of both laws, $|\cdot|$ Euclidean. In one dimension it is $\int_0^1 |F^{-1} - G^{-1}|^p$, read
    off the sorted samples in $O(n \log n)$; in more, the transport problem is solved by network simplex (POT).

    It is the distance of the *samples*. As an estimate for the laws behind them it is biased upwards, by
    $O(n^{-1/2})$ in one dimension and $O(n^{-1/d})$ in $d > 2$: two samples of one law are a positive distance apart.

    Args:
        first: samples, shape (n,) or (n, d).
        second: samples, shape (n',) or (n', d); sizes may differ.
        order: $p \ge 1$.
        first_weights: non-negative weights, shape (n,), summing to anything positive; equal when left out.
        second_weights: likewise, shape (n',).

    Returns:
        $W_p \ge 0$, in the unit of the samples.

    Raises:
        ValueError: If shapes, weights or the order do not fit, or the exact problem is too large for memory.
        RuntimeError: If the transport problem was not solved to optimality.

    Example:
        >>> wasserstein([0.0, 1.0], [2.0, 3.0], order=2)
        2.0
        >>> wasserstein([0.0], [0.0, 1.0], order=1)
        0.5

    References:
        Peyré and Cuturi, *Computational Optimal Transport* (2019), Sections 2.6 and 3.
    """
    ot = _transport_library()
    x, y, order = _samples(first, "first"), _samples(second, "second"), _order(order)
    _same_dimension(x, y)
    a, b = _weights(first_weights, len(x), "first_weights"), _weights(second_weights, len(y), "second_weights")
    if x.shape[1] == 1:
        return float(ot.wasserstein_1d(x[:, 0], y[:, 0], a, b, p=order)) ** (1 / order)
    if len(x) * len(y) > _LARGEST_COST_MATRIX:
        raise _checks.fail(
            "first and second",
            f"at most {_LARGEST_COST_MATRIX:.0e} pairs together in more than one dimension",
            (len(x), len(y)),
            "the exact problem holds a cost for each pair; take subsamples or sliced_wasserstein",
        )
    costs = scipy.spatial.distance.cdist(x, y) ** order
    cost, log = ot.emd2(a, b, costs, numItermax=10**7, log=True)
    if log["warning"]:
        raise RuntimeError(f"The transport problem of {len(x)} and {len(y)} samples was not solved: {log['warning']}")
    return max(float(cost), 0.0) ** (1 / order)


def sliced_wasserstein(
    first: Any,
    second: Any,
    order: float = 2,
    *,
    num_projections: int = 500,
    seed: int = 0,
    first_weights: Any = None,
    second_weights: Any = None,
) -> float:
    r"""Sliced Wasserstein distance: the mean over random directions of the distance in one dimension.

    $$SW_p^p = \mathbb{E}_u\, W_p^p(u \cdot X,\ u \cdot Y),\qquad u \text{ uniform on the sphere.}$$

    Not comparable with $W_p$ across dimensions: a translation by $v$ has $SW_2 = |v|/\sqrt{d}$. The expectation is
    over ``num_projections`` directions, so the value carries a Monte Carlo error; equal seeds give equal directions.

    Args:
        first: samples, shape (n,) or (n, d).
        second: samples, shape (n',) or (n', d).
        order: $p \ge 1$.
        num_projections: number of directions, at least 1.
        seed: seed of the directions.
        first_weights: as in `wasserstein`.
        second_weights: as in `wasserstein`.

    Returns:
        $SW_p \ge 0$.

    Raises:
        ValueError: If shapes, weights, the order or the number of directions do not fit.

    Example:
        >>> sliced_wasserstein([[0.0], [1.0]], [[2.0], [3.0]])  # one dimension: nothing to slice
        2.0

    References:
        Bonneel, Rabin, Peyré and Pfister, *Sliced and Radon Wasserstein Barycenters of Measures* (2015).
    """
    ot = _transport_library()
    x, y, order = _samples(first, "first"), _samples(second, "second"), _order(order)
    _same_dimension(x, y)
    a, b = _weights(first_weights, len(x), "first_weights"), _weights(second_weights, len(y), "second_weights")
    num_projections = _checks.count(num_projections, "num_projections", "the distance is a mean over directions")
    return float(ot.sliced_wasserstein_distance(x, y, a, b, num_projections, p=order, seed=seed))


def path_metric(first: Any, second: Any, times: Any) -> PathMetric:
    r"""The metric of Theorem 5 between paths saved on a grid.

    $$\rho(\zeta, \xi) = \int_0^\infty e^{-t} \min\bigl(1,\ \sup_{s \le t} |\zeta_s - \xi_s|\bigr)\, \mathrm{d}t$$

    Quadrature: the supremum runs over the saved times, is interpolated linearly between them, cut off at 1 there, and
    integrated against $e^{-t}$ exactly. So only the grid errs (a peak between two saved times is not seen), by
    $O(\Delta t)$ for continuous paths with bounded speed. Beyond the last time the supremum is held constant, and
    ``tail_bound`` says how much more there could be.

    For paths of one ensemble against those of another, driven by the same index paths, take the mean with
    `mean_interval`.

    Args:
        first: paths, shape (..., T, K), the position last even for $K = 1$.
        second: paths of the same shape.
        times: increasing, from 0, shape (T,).

    Returns:
        ``distance`` in [0, 1] and ``tail_bound``, one number a path.

    Raises:
        ValueError: If the shapes differ or the times are not increasing from 0.

    Example:
        >>> import numpy as np
        >>> times = np.linspace(0.0, 50.0, 501)
        >>> apart = path_metric(np.zeros((1, 501, 1)), np.full((1, 501, 1), 0.25), times)
        >>> round(float(apart.distance[0]), 12)  # a constant gap integrates to itself
        0.25

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Theorem 5.
    """
    t = np.asarray(times, dtype=np.float64)
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if t.ndim != 1 or len(t) < 2 or t[0] != 0 or not np.all(np.diff(t) > 0) or not np.isfinite(t[-1]):
        raise _checks.fail(
            "times", "increasing from 0, shape (T,) with T >= 2", times, "the metric integrates over them"
        )
    if x.shape != y.shape:
        raise _checks.fail("second", f"of the shape of first, {x.shape}", y.shape, "paths are compared time by time")
    if x.ndim < 2 or x.shape[-2] != len(t):
        raise _checks.fail("first", f"of shape (..., {len(t)}, K), one position a time", x.shape, "see times")
    gap = np.linalg.norm(x - y, axis=-1)
    if not np.all(np.isfinite(gap)):
        raise _checks.fail("first and second", "finite", "nan or inf", "a path that diverged has no distance")
    return _integrate_running_supremum(np.maximum.accumulate(gap, axis=-1), t)


def _integrate_running_supremum(supremum: np.ndarray, t: np.ndarray) -> PathMetric:
    r"""$\int e^{-t} \min(1, D)$ for the piecewise linear $D$ through ``supremum``, exactly."""
    left, right = supremum[..., :-1], supremum[..., 1:]
    step = np.diff(t)
    slope = (right - left) / step
    # Where a piece crosses 1 it is constant from there on: integrate the part below, then the part at 1.
    with np.errstate(divide="ignore", invalid="ignore"):
        below = np.where(left >= 1, 0.0, np.where(right <= 1, step, (1 - left) / slope))
    below = np.minimum(below, step)
    decayed = np.exp(-below)
    ramp = left * -np.expm1(-below) + slope * (-np.expm1(-below) - below * decayed)
    flat = decayed - np.exp(-step)  # exactly 0 where the piece stays below 1 to its end
    seen = np.sum(np.exp(-t[:-1]) * (ramp + flat), axis=-1)
    last, rest = np.minimum(supremum[..., -1], 1.0), np.exp(-t[-1])
    return PathMetric(distance=seen + rest * last, tail_bound=rest * (1 - last))


def mean_interval(values: Any, level: float = 0.95) -> Interval:
    r"""Mean of independent values with Student's interval.

    Args:
        values: shape (n,), n >= 2; for instance one distance a coupled pair of paths.
        level: confidence level in (0, 1).

    Returns:
        Mean and interval $\bar v \pm t_{n-1} s/\sqrt{n}$.

    Raises:
        ValueError: If there are fewer than two values or they are not finite.

    Example:
        >>> interval = mean_interval([0.0, 1.0, 2.0])
        >>> round(interval.value, 6), round(interval.high - interval.low, 3)
        (1.0, 4.968)
    """
    v = np.asarray(values, dtype=np.float64)
    if v.ndim != 1 or len(v) < 2 or not np.all(np.isfinite(v)):
        raise _checks.fail("values", "at least two finite numbers", v.shape, "one value has no spread")
    half = scipy.stats.t.ppf((1 + _level(level)) / 2, len(v) - 1) * v.std(ddof=1) / np.sqrt(len(v))
    return Interval(float(v.mean()), float(v.mean() - half), float(v.mean() + half))


def bootstrap(
    statistic: Callable[..., float],
    *samples: Any,
    level: float = 0.95,
    num_resamples: int = 999,
    method: str = "basic",
    seed: int = 0,
) -> Interval:
    r"""A statistic of one or more independent samples with its bootstrap interval.

    Each sample is redrawn with replacement, rows together. ``"basic"`` (the default) reflects the resampled
    distribution at the estimate, $[2\hat s - s_{1-\epsilon/2},\ 2\hat s - s_{\epsilon/2}]$, ``"percentile"`` does not.

    For Wasserstein distances take ``"basic"``: $W_p$ of samples is biased upwards and resampling adds that bias once
    more, which the reflection takes off to first order and percentiles double. Where the two laws are equal no
    bootstrap of $W_p$ is consistent (the limit is not normal): an interval that reaches 0 says "not told apart at
    this size", not more. Coverage is nominal only for large samples.

    Args:
        statistic: function of the samples, for instance `wasserstein`.
        *samples: arrays with the samples along the first axis.
        level: confidence level in (0, 1).
        num_resamples: number of redraws.
        method: ``"basic"`` or ``"percentile"``.
        seed: seed of the redraws.

    Returns:
        The statistic of the samples and its interval.

    Raises:
        ValueError: If the method is unknown, the level is not in (0, 1) or a sample is empty.

    Example:
        >>> import numpy as np
        >>> sample = np.arange(100.0)
        >>> interval = bootstrap(wasserstein, sample, sample + 5.0)
        >>> bool(interval.low < interval.value < interval.high), round(interval.value, 12)
        (True, 5.0)

    References:
        Efron and Tibshirani, *An Introduction to the Bootstrap* (1993); Sommerfeld and Munk, *Inference for empirical
        Wasserstein distances on finite spaces* (2018), for why it fails at distance 0.
    """
    if method not in ("basic", "percentile"):
        raise ValueError(f"Unknown method {method!r}: {_checks.suggestion(method, ['basic', 'percentile'])}.")
    num_resamples = _checks.count(num_resamples, "num_resamples", "the interval is made of resamples")
    arrays = [np.asarray(sample) for sample in samples]
    if not arrays or any(array.ndim == 0 or len(array) == 0 for array in arrays):
        raise _checks.fail("samples", "one or more non-empty arrays", [a.shape for a in arrays], "they are redrawn")
    tail = (1 - _level(level)) / 2
    generator = np.random.default_rng(seed)
    value = float(statistic(*arrays))
    redrawn = [
        statistic(*(array[generator.integers(len(array), size=len(array))] for array in arrays))
        for _ in range(num_resamples)
    ]
    low, high = np.quantile(np.asarray(redrawn, dtype=np.float64), [tail, 1 - tail])
    if method == "basic":
        low, high = 2 * value - high, 2 * value - low
    return Interval(value, float(low), float(high))


def _transport_library() -> Any:
    """POT, imported at the first use: it loads every array library that is installed, which takes seconds."""
    try:
        import ot
    except ModuleNotFoundError as error:
        message = "Wasserstein distances need POT: pip install 'underdamped[jax]'"
        raise ModuleNotFoundError(message, name=error.name) from error
    return ot


def _samples(values: Any, argument: str) -> np.ndarray:
    array = as_doubles(values, argument)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise _checks.fail(argument, "samples of shape (n,) or (n, d)", array.shape, "one row a sample")
    if not np.all(np.isfinite(array)):
        raise _checks.fail(argument, "finite", "nan or inf", "a sample that diverged has no distance")
    return array


def _weights(values: Any, size: int, argument: str) -> np.ndarray:
    if values is None:
        return np.full(size, 1 / size)
    array = as_doubles(values, argument)
    if array.shape != (size,):
        raise _checks.fail(argument, f"of shape ({size},)", array.shape, "one weight a sample")
    if not np.all(array >= 0) or not 0 < array.sum() < np.inf:
        raise _checks.fail(
            argument, "non-negative with a positive sum", values, "they are probabilities once normalised"
        )
    return array / array.sum()


def _order(order: float) -> float:
    if _checks.number(order, "order", "it is a power") < 1:
        raise _checks.fail("order", "at least 1", order, "below 1 it is no metric of this form")
    return order


def _level(level: float) -> float:
    if not 0 < _checks.number(level, "level", "it is a probability") < 1:
        raise _checks.fail("level", "in (0, 1)", level, "it is a probability")
    return float(level)


def _same_dimension(x: np.ndarray, y: np.ndarray) -> None:
    if x.shape[1] != y.shape[1]:
        raise _checks.fail("second", f"of the dimension of first, {x.shape[1]}", y.shape[1], "they share a space")
