"""One tidy table for all experiments of the study: its columns, and intervals over repetitions."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from scipy import stats

SCHEMA: dict[str, type[pl.DataType]] = {
    "experiment": pl.String,
    "series": pl.String,
    "quantity": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "setting": pl.String,
}
"""Columns of the records. ``low`` and ``high`` are a 95 % interval of ``value``, null where there is none."""

Row: TypeAlias = dict[str, Any]


def row(
    experiment: str,
    series: str,
    quantity: str,
    value: float,
    x: float | None = None,
    interval: tuple[float, float] | None = None,
    setting: str = "",
) -> Row:
    """One observation.

    Args:
        experiment: what was done.
        series: the method, or what else varies.
        quantity: what ``value`` measures.
        value: the observation.
        x: abscissa.
        interval: 95 % interval of ``value``.
        setting: how the series was set up: its panel in a figure.

    Returns:
        The row, columns as in ``SCHEMA``.
    """
    low, high = interval or (None, None)
    return {
        "experiment": experiment, "series": series, "quantity": quantity, "x": x, "y": None,
        "value": float(value), "low": low, "high": high, "setting": setting,
    }  # fmt: skip


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """The rows as records."""
    return pl.DataFrame(list(rows), schema=SCHEMA)


def mean_with_interval(values: Any, *, geometric: bool = False) -> tuple[float, tuple[float, float] | None]:
    """Mean over repetitions and its 95 % t-interval.

    Args:
        values: one a repetition.
        geometric: mean and interval of the logarithm, taken back: for positive values that differ by factors.

    Returns:
        The mean, infinite or NaN if a value is (a mean of the others would flatter); and the interval, or None if there
        are fewer than two values, they are all alike, or not all are finite.

    Example:
        >>> mean, (low, high) = mean_with_interval([1.0, 100.0], geometric=True)
        >>> round(mean, 9), round(low * high, 6)
        (10.0, 100.0)
    """
    sample = np.asarray(values, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        sample = np.log(sample) if geometric else sample
        mean = float(np.exp(sample.mean()) if geometric else sample.mean())
    if len(sample) < 2 or not np.isfinite(sample).all() or np.ptp(sample) == 0:
        return mean, None
    half = float(stats.t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))
    low, high = sample.mean() - half, sample.mean() + half
    return mean, (float(np.exp(low)), float(np.exp(high))) if geometric else (float(low), float(high))
