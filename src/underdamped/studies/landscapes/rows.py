"""Rows of the records: what was measured, with its interval."""

from typing import Any, TypeAlias

import numpy as np
import polars as pl
from scipy import stats

from underdamped.studies.reporting.proportions import wilson

Row: TypeAlias = dict[str, Any]
"""One measurement, its keys among those of ``SCHEMA``."""

SCHEMA: dict[str, type[pl.DataType]] = {
    "experiment": pl.String,
    "series": pl.String,
    "quantity": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "problem": pl.String,
    "hits": pl.Int64,
    "runs": pl.Int64,
    "note": pl.String,
    "job": pl.String,
}
"""Columns of the records; ``hits`` of ``runs`` where ``value`` is their quotient."""


def share(experiment: str, series: str, hits: int, runs: int, **more: Any) -> Row:
    """A proportion with its Wilson interval.

    Example:
        >>> row = share("comparison", "SGD", 5, 10, problem="Rastrigin")
        >>> row["value"], round(row["low"], 3), round(row["high"], 3)
        (0.5, 0.237, 0.763)
    """
    low, high = wilson(hits, runs)
    row = {"experiment": experiment, "series": series, "quantity": "share in the global basin", "value": hits / runs}
    return row | {"low": low, "high": high, "hits": hits, "runs": runs} | more


def average(experiment: str, series: str, quantity: str, values: np.ndarray, **more: Any) -> Row:
    """A mean over independent runs with its 95 % t-interval; none where a run is not finite.

    Example:
        >>> row = average("Fig. 6", "SGD", "objective", np.array([1.0, 2.0, 3.0]))
        >>> row["value"], row["runs"], round(row["high"] - row["low"], 3)
        (2.0, 3, 4.968)
    """
    row: Row = {"experiment": experiment, "series": series, "quantity": quantity, "runs": len(values)} | more
    if not np.isfinite(values).all():
        return row
    mean = float(values.mean())
    if len(values) == 1:
        return row | {"value": mean}
    margin = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5)
    return row | {"value": mean, "low": mean - margin, "high": mean + margin}


def frame(rows: list[Row]) -> pl.DataFrame:
    """The rows as records.

    Example:
        >>> frame([{"experiment": "film", "x": 1.0}]).shape
        (1, 13)
    """
    return pl.DataFrame(rows, schema=SCHEMA)
