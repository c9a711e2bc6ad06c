"""The rows of the records: one long table for all experiments."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import polars as pl

SCHEMA: dict[str, type[pl.DataType]] = {
    "experiment": pl.String,
    "series": pl.String,
    "quantity": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
"""Columns of the records; of maps ``x`` is the friction and ``y`` the mass, intervals are null where exact."""

Row: TypeAlias = dict[str, Any]


def rows(
    series: str, quantity: str, x: Any, values: Any, y: Any = None, low: Any = None, high: Any = None
) -> list[Row]:
    """One row for each entry of ``values``; the others are arrays of that shape, one number for all, or None.

    Example:
        >>> rows("m = 1", "position", [0.0, 1.0], np.array([1.0, 0.5]))[1]["value"]
        0.5
    """
    values = np.asarray(values, float)
    columns = {
        name: [None] * values.size if given is None else np.broadcast_to(given, values.shape).ravel().tolist()
        for name, given in {"x": x, "y": y, "value": values, "low": low, "high": high}.items()
    }
    return [
        {"series": series, "quantity": quantity} | dict(zip(columns, numbers, strict=True))
        for numbers in zip(*columns.values(), strict=True)
    ]


def frame(experiment: str, found: Iterable[Row]) -> pl.DataFrame:
    """Rows of one experiment as records."""
    return pl.DataFrame([{"experiment": experiment} | row for row in found], schema=SCHEMA)
