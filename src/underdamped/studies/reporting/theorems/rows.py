"""Rows of the records as marks: one series and quantity as a curve, as points, as a map."""

from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting.marks import Curve, Map, Points
from underdamped.studies.reporting.style import Look


def rows_of(records: pl.DataFrame, series: str, quantity: str) -> pl.DataFrame:
    """The rows of one series and quantity, by abscissa."""
    return records.filter((pl.col("series") == series) & (pl.col("quantity") == quantity)).sort("y", "x")


def number_of(records: pl.DataFrame, series: str, quantity: str) -> float:
    """The value of a row that is alone."""
    return float(rows_of(records, series, quantity)["value"][0])


def curve_of(records: pl.DataFrame, series: str, quantity: str, look: Look, label: str | None = None) -> Curve:
    """A line, named like the series if nothing else is given."""
    rows = rows_of(records, series, quantity)
    return Curve(series if label is None else label, look, rows["x"].to_numpy(), rows["value"].to_numpy())


def points_of(
    records: pl.DataFrame, series: str, quantity: str, look: Look, label: str | None = None, *, positive: bool = False
) -> Points:
    """Dots with intervals; ``positive`` leaves out what a logarithmic axis cannot show, and ends intervals above 0."""
    rows = rows_of(records, series, quantity)
    if positive:
        rows = rows.filter((pl.col("value") > 0) & (pl.col("x") > 0))
        rows = rows.with_columns(pl.max_horizontal("low", pl.col("value") * 1e-2).alias("low"))
    x, y, low, high = (rows[name].to_numpy() for name in ("x", "value", "low", "high"))
    return Points(series if label is None else label, look, x, y, low, high)


def map_of(records: pl.DataFrame, series: str, quantity: str, label: str, **options: Any) -> Map:
    """A map over the plane of x and y; points that were not recorded stay white."""
    rows = rows_of(records, series, quantity)
    return Map(label, *grid_of(rows), **options)


def grid_of(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Abscissae, ordinates and values (H, W) of rows on a grid, NaN where there is none.

    Example:
        >>> grid_of(pl.DataFrame({"x": [1.0, 2.0], "y": [0.0, 0.0], "value": [3.0, 4.0]}))[2].tolist()
        [[3.0, 4.0]]
    """
    x, columns = np.unique(rows["x"].to_numpy(), return_inverse=True)
    y, lines = np.unique(rows["y"].to_numpy(), return_inverse=True)
    values = np.full((len(y), len(x)), np.nan)
    values[lines, columns] = rows["value"].to_numpy()
    return x, y, values
