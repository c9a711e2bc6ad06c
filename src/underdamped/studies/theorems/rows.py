"""The rows of the records: what was measured, what theory predicts for it, and which assumptions were not met."""

import warnings
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from underdamped.process.distances import Interval

SCHEMA: dict[str, type[pl.DataType]] = {
    "experiment": pl.String,
    "problem": pl.String,
    "series": pl.String,
    "quantity": pl.String,
    "x": pl.Float64,
    "y": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "paths": pl.Int64,
    "note": pl.String,
}
"""Columns of the records. Rows of an experiment name only what they have; the rest is null."""

FEWEST_PATHS, FEWEST_FOR_EXTREMES = 30, 500
"""Smallest ensembles that give a verdict: intervals of means need the first; the largest of many scores is compared
with a normal law's tail, where the skewness of squared distances counts, and needs the second."""

MEASURED, PREDICTED, UNMET = "measured", "predicted", "assumption not met"
"""Quantities that every experiment may record, and that the page reads alike for all: see `judged` and `unmet`."""

Row: TypeAlias = dict[str, Any]


def row(
    series: str,
    quantity: str,
    value: float | None,
    *,
    x: float | None = None,
    y: float | None = None,
    low: float | None = None,
    high: float | None = None,
    paths: int | None = None,
    note: str | None = None,
) -> Row:
    """One observation; numbers of any library become Python's.

    Args:
        series: name in the legend, or what varies.
        quantity: what ``value`` measures.
        value: the observation.
        x: where on the abscissa.
        y: where on the ordinate, of maps.
        low: lower end of the 95 % interval; none where the value is exact.
        high: upper end.
        paths: size of the ensemble; none where the value is exact.
        note: words.

    Returns:
        The row, without experiment and problem, which the study adds.
    """
    numbers = {"x": x, "y": y, "value": value, "low": low, "high": high}
    return {
        "series": series,
        "quantity": quantity,
        **{name: None if number is None else float(number) for name, number in numbers.items()},
        "paths": None if paths is None else int(paths),
        "note": note,
    }


def curve(
    series: str,
    quantity: str,
    x: Iterable[float],
    values: Any,
    low: Any = None,
    high: Any = None,
    paths: int | None = None,
) -> list[Row]:
    """One row for each abscissa ``x``; ``low`` and ``high`` are arrays like ``values``, or none."""
    absent = np.full(np.shape(values), None)
    lows, highs = absent if low is None else low, absent if high is None else high
    return [
        row(series, quantity, value, x=at, low=bottom, high=top, paths=paths)
        for at, value, bottom, top in zip(x, values, lows, highs, strict=True)
    ]


def judged(
    series: str,
    what: str,
    measured: Interval | float,
    predicted: float | None,
    accepted: tuple[float, float],
    *,
    paths: int | None = None,
    fewest: int = FEWEST_PATHS,
) -> list[Row]:
    """Two rows: something measured, and beside it what theory predicts, with the range that counts as agreement.

    The page gives the verdict: "agrees" only if the whole interval of what was measured lies in the accepted range.

    Args:
        series: which of several; unique within experiment and problem.
        what: what was measured, in a few words: "slope of log E sup|q − θ| in log m".
        measured: an estimate with its interval, or an exact number.
        predicted: what theory says; none where it names a range only.
        accepted: ends of the range that counts as agreement; infinite where theory bounds one side only.
        paths: size of the ensemble; none where nothing is random.
        fewest: paths below which there is no verdict.

    Returns:
        The rows, quantities ``MEASURED`` and ``PREDICTED``; ``paths`` of the second are the fewest.

    Example:
        >>> rows = judged("δ = 0", "slope in m", Interval(1.01, 0.99, 1.03), 1.0, (0.95, 1.05), paths=100)
        >>> [(one["quantity"], one["value"], one["low"], one["high"]) for one in rows]
        [('measured', 1.01, 0.99, 1.03), ('predicted', 1.0, 0.95, 1.05)]
    """
    value, low, high = measured if isinstance(measured, Interval) else (measured, None, None)
    return [
        row(series, MEASURED, value, low=low, high=high, paths=paths, note=what),
        row(series, PREDICTED, predicted, low=accepted[0], high=accepted[1], paths=fewest, note=what),
    ]


def unmet(assumption: str, words: str, series: str = "") -> Row:
    """Warn that an assumption does not hold, and record it: the theorem is silent then, the simulation goes on."""
    warnings.warn(f"{assumption} does not hold: {words}. The simulation goes on without it.", stacklevel=2)
    return row(series, UNMET, None, note=f"{assumption} does not hold: {words}")


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Rows as records, columns as in ``SCHEMA``."""
    return pl.DataFrame(list(rows), schema=SCHEMA)
