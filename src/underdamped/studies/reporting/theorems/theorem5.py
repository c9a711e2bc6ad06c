"""The section of Theorem 5: distance to the underdamped gradient flow against the time scale of subsampling."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.plots import Panel, Points, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.guides import guide
from underdamped.studies.reporting.theorems.verdicts import problems_of, reservations, series_of, verdict_table

_STATEMENT = (
    "As ν → 0, hSGMP with the index i(t/ν) converges weakly to the underdamped gradient flow (m = 1, no convexity "
    "needed). The paper gives no rate; a central limit theorem suggests √ν, derived here."
)
_CAPTION = (
    "Three distances of hSGMP(i), m = α = 1, from the underdamped gradient flow with the same start, up to time 10: Δ "
    "is the difference of the two in position or in both, ρ the metric of the theorem. Bars are 95 % intervals, mostly "
    "smaller than the dots; dashed lines have slope 1/2 and pass through the leftmost dots."
)


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``theorem5``."""
    del config
    return Section(
        "Theorem 5: losing subsampling",
        [
            _STATEMENT,
            Picture("theorem5", [_panel(records, name) for name in problems_of(records)], _CAPTION),
            verdict_table(records),
            *reservations(records),
        ],
    )


def _panel(records: pl.DataFrame, problem: str) -> Panel:
    rows = records.filter(pl.col("problem") == problem)
    found = list(series_of(rows, "distance"))
    colors = looks([name for name, _ in found])
    marks = []
    for name, points in found:
        x, y = points["x"].to_list(), points["value"].to_list()
        marks.append(guide("", colors[name], x, [nu**0.5 for nu in x], (x[0], y[0])))
        marks.append(Points(name, colors[name], x, y, points["low"].to_list(), points["high"].to_list()))
    return Panel(problem, "time scale of subsampling ν", "distance", marks, scale="log", xscale="log")
