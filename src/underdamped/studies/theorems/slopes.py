"""Slopes of power laws and exponential rates from ensembles, with intervals that know which paths were shared."""

from collections.abc import Callable, Sequence

import numpy as np

from underdamped import _checks
from underdamped.process.distances import Interval


def slope(
    x: Sequence[float] | np.ndarray,
    values: Sequence[np.ndarray] | np.ndarray,
    *,
    paired: bool,
    transform: Callable[[np.ndarray], np.ndarray] = np.log,
    level: float = 0.95,
    num_resamples: int = 999,
    seed: int = 0,
) -> Interval:
    r"""The exponent $s$ in $E v(x) \approx C x^s$: weighted least squares on the logarithms, interval by bootstrap.

    The points are $\log \bar v_k$ against $\log x_k$, each weighted by the inverse of its variance
    $\operatorname{Var}(\bar v_k)/\bar v_k^2$ (delta method). The bootstrap redraws *paths*, with the weights kept; with
    ``paired`` the same numbers at every $x_k$, as it must be where path $j$ is driven by one index path at all of
    them. The interval covers the chance in the paths only: not that a power law may hold in the limit alone.

    Args:
        x: abscissae, (n,), n >= 2.
        values: one value a path at each abscissa, n arrays of shape (M,); all of one length if ``paired``.
        paired: whether path $j$ is the same path at every abscissa.
        transform: of the abscissa: ``np.log`` for a power law; the identity for a rate, $E v(x) \approx C e^{s x}$.
        level: confidence level in (0, 1).
        num_resamples: number of redraws.
        seed: seed of the redraws.

    Returns:
        The slope with its interval (percentiles).

    Raises:
        ValueError: If there are fewer than two abscissae, lengths differ though ``paired``, or a mean is not positive.

    Example:
        >>> x = np.array([0.01, 0.1, 1.0])
        >>> noise = np.random.default_rng(0).exponential(size=(3, 1000))
        >>> found = slope(x, x[:, None] ** 0.5 * noise, paired=False)
        >>> bool(found.low < 0.5 < found.high), bool(found.high - found.low < 0.1)
        (True, True)
    """
    samples = [np.asarray(v, dtype=np.float64) for v in values]
    if len(samples) < 2 or len(samples) != len(x):
        raise _checks.fail("x", "two abscissae or more, one for each of `values`", len(x), "a slope needs two points")
    if paired and len({len(v) for v in samples}) > 1:
        raise _checks.fail("values", "of one length where they are paired", [len(v) for v in samples], "see `paired`")
    means = np.array([v.mean() for v in samples])
    if not (np.isfinite(means).all() and (means > 0).all()):
        raise _checks.fail("values", "of finite positive means", means.tolist(), "a logarithm is taken of them")
    errors = np.array([v.std(ddof=1) / np.sqrt(len(v)) for v in samples]) / means
    # Where a value is the same on every path its error is 0, and it would outweigh all others without this floor.
    weights = 1 / np.maximum(errors, 1e-3 * max(errors.max(), 1e-12)) ** 2
    at = transform(np.asarray(x, dtype=np.float64))
    centred = at - np.average(at, weights=weights)
    share = weights * centred / (weights * centred**2).sum()  # the slope is linear in the ordinates
    generator = np.random.default_rng(seed)
    redrawn = np.empty((num_resamples, len(samples)))
    for k in range(num_resamples):
        rows = generator.integers(len(samples[0]), size=len(samples[0])) if paired else None
        for n, v in enumerate(samples):
            redrawn[k, n] = v[generator.integers(len(v), size=len(v)) if rows is None else rows].mean()
    tail = (1 - level) / 2
    low, high = np.quantile(np.log(redrawn) @ share, [tail, 1 - tail])
    return Interval(float(np.log(means) @ share), float(low), float(high))


def smallest(values: Sequence[float], limit: float) -> list[int]:
    """Places of the values that a claim about small ones is judged by: up to ``limit``, but two at least.

    Args:
        values: two or more.
        limit: largest value that counts as small.

    Returns:
        Their places, in increasing order.

    Example:
        >>> smallest([0.1, 0.01, 0.001], limit=0.03), smallest([0.3, 0.2, 0.1], limit=0.03)
        ([1, 2], [1, 2])
    """
    second = sorted(values)[1]
    return [place for place, value in enumerate(values) if value <= max(limit, second)]
