"""What several seeds say together: mean, standard deviation, two-sided t-interval."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from underdamped import _checks


class Difference(NamedTuple):
    """A difference of two means with its interval; ``low`` and ``high`` are None where no interval exists.

    Attributes:
        mean: Mean of the first sample minus mean of the second.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    mean: float
    low: float | None
    high: float | None


def over_seeds(records: pl.DataFrame, value: str, by: Sequence[str], confidence: float = 0.95) -> pl.DataFrame:
    r"""Mean, standard deviation and t-interval of ``value`` in each group.

    $\bar x \pm t_{(1 + c)/2,\, n - 1}\; s/\sqrt n$ with $s^2 = \sum (x - \bar x)^2/(n - 1)$.

    One value has no interval: ``sd``, ``low`` and ``high`` are null then, not zero. A null value is missing and not
    counted; a value that is not finite (a diverged run) is counted, and leaves its group without mean or interval.

    Args:
        records: One row per group and seed.
        value: Column to average.
        by: Columns that make a group; groups come in order of first appearance.
        confidence: $c \in (0, 1)$, the coverage of the interval.

    Returns:
        A frame with the columns ``by``, then ``n`` (values), ``mean``, ``sd``, ``low`` and ``high``.

    Raises:
        ValueError: If ``confidence`` is out of range.

    Example:
        >>> frame = pl.DataFrame({"method": ["SGD"] * 3, "accuracy": [0.97, 0.98, 0.99]})
        >>> row = over_seeds(frame, "accuracy", by=["method"]).row(0, named=True)
        >>> row["n"], round(row["mean"], 4), round(row["low"], 4), round(row["high"], 4)
        (3, 0.98, 0.9552, 1.0048)
    """
    _check_confidence(confidence)
    groups = records.group_by(by, maintain_order=True).agg(
        n=pl.col(value).count(),
        finite=pl.col(value).drop_nulls().is_finite().all(),
        mean=pl.col(value).mean(),
        sd=pl.col(value).std(),
    )
    n = groups["n"].to_numpy()
    quantile = stats.t.ppf((1 + confidence) / 2, df=np.where(n > 1, n - 1, 1))
    margin = pl.col("sd") * pl.Series(quantile) / pl.col("n").sqrt()
    defined = pl.col("finite") & (pl.col("n") > 1)
    return groups.select(
        *by,
        pl.col("n").cast(pl.Int64),
        pl.when("finite").then("mean").alias("mean"),
        pl.when(defined).then("sd").alias("sd"),
        pl.when(defined).then(pl.col("mean") - margin).alias("low"),
        pl.when(defined).then(pl.col("mean") + margin).alias("high"),
    )


def difference(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Difference:
    """Difference of two means with Welch's t-interval, which allows the two spreads to differ.

    The samples are taken as independent, which is cautious when they share their seeds. Of many such intervals some
    miss by chance: with ten methods there are 45 pairs.

    Args:
        first: Finite values of the first sample.
        second: Finite values of the second sample.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        ``mean(first) - mean(second)`` and its interval; no interval unless both samples have two values or more and
        one of them some spread.

    Raises:
        ValueError: If ``confidence`` is out of range or a sample is empty.

    Example:
        >>> apart = difference([2.0, 2.1, 1.9], [1.0, 1.1, 0.9])
        >>> round(apart.mean, 3), round(apart.low, 3), round(apart.high, 3)
        (1.0, 0.773, 1.227)
        >>> difference([2.0], [1.0])
        Difference(mean=1.0, low=None, high=None)

    References:
        Welch, *The generalization of 'Student's' problem* (Biometrika 1947).
    """
    _check_confidence(confidence)
    for name, sample in (("first", first), ("second", second)):
        if len(sample) == 0:
            raise _checks.fail(name, "a sample with values", list(sample), "an empty one has no mean")
    mean = float(np.mean(first) - np.mean(second))
    if min(len(first), len(second)) < 2 or np.ptp(first) == np.ptp(second) == 0:
        return Difference(mean, None, None)
    with warnings.catch_warnings():  # SciPy doubts a sample of equal values; seeds that all agree are one
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.ttest_ind(first, second, equal_var=False).confidence_interval(confidence)
    return Difference(mean, float(interval.low), float(interval.high))


def _check_confidence(confidence: float) -> None:
    if not 0 < _checks.number(confidence, "confidence", "it is the coverage of the interval") < 1:
        raise _checks.fail("confidence", "in (0, 1)", confidence, "it is the coverage of the interval")
