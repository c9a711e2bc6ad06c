"""The section of the stationary spread, over the plane of mass and rate."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting.plots import Curve, Look, Map, Panel, Points, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.rows import map_of, number_of, rows_of
from underdamped.studies.reporting.theorems.verdicts import reservations, short, verdict_table

_STATEMENT = (
    "At constant mass m and rate κ of redraws hSGMP does not reach θ*: it settles in a law around it, whose second "
    "moment solves a linear equation. The faster the switching, the narrower: E|q − θ*|² ≈ c/κ, whatever the mass. "
    "(Derived here.)"
)
_QUANTITY = "stationary E|q − θ*|²"


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``spread``."""
    del config
    constant = number_of(records, "averaging", "spread times rate")
    exact = map_of(records, "exact", _QUANTITY, "E|q − θ*|²", scale="log")
    scores = map_of(records, "ensemble", "score", "z", limits=(-4.0, 4.0), diverging=True)
    return Section(
        "The long run at constant mass: where it settles",
        [
            _STATEMENT,
            Picture(
                "spread",
                [
                    _map("Exact spread", exact),
                    _map("Ensemble against exact", scores),
                    _cuts(records, constant),
                ],
                "On the quadratic. First: exact spread. Second: its gap to an ensemble's, in standard errors z; where "
                "both agree, signs and sizes are those of chance. Third: cuts through the plane, measured (dots, 95 % "
                f"intervals), exact (lines) and c/κ with c = {short(constant)} (dashed).",
            ),
            verdict_table(records),
            *reservations(records),
        ],
    )


def _map(title: str, content: Map) -> Panel:
    return Panel(title, "mass m", "rate of redraws κ", [content], scale="log", xscale="log")


def _cuts(records: pl.DataFrame, constant: float) -> Panel:
    masses = records.filter(pl.col("quantity") == _QUANTITY)["x"].unique().sort().to_list()
    chosen = [masses[0], masses[len(masses) // 2], masses[-1]]
    names = {mass: f"m = {short(mass)}" for mass in chosen}
    look = looks(list(names.values()))
    marks: list[Curve | Points] = []
    for mass, name in names.items():
        at = pl.col("x") == mass
        exact, found = (rows_of(records, series, _QUANTITY).filter(at) for series in ("exact", "ensemble"))
        marks.append(Curve(name, look[name], exact["y"].to_numpy(), exact["value"].to_numpy()))
        y, value, low, high = (found[column].to_numpy() for column in ("y", "value", "low", "high"))
        marks.append(Points(name, look[name], y, value, low, high))
    rates = rows_of(records, "exact", _QUANTITY)["y"].unique().sort().to_numpy()
    fast = rates[rates >= np.median(rates)]
    marks.append(Curve("c/κ", Look("#000000", (4.0, 1.6)), fast, constant / fast))
    return Panel("Cuts", "rate of redraws κ", "E|q − θ*|²", marks, scale="log", xscale="log")
