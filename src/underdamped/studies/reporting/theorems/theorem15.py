"""The section of Theorem 15: distance of dmSGMP to SGP at the jump times."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from underdamped.studies.reporting.plots import Curve, Panel, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.guides import guide
from underdamped.studies.reporting.theorems.verdicts import (
    problems_of,
    reservations,
    series_of,
    short,
    verdict_table,
)

_STATEMENT = (
    "dmSGMP converges to SGP on the same index path, E|q − θ| → 0 at the jump times τₙ, for strongly convex "
    "components, a mass with |m'| ≤ λm, λ = min(μ/4, 1/4), and a small enough m₀. Derived here: |q − θ| ≤ K m(t)."
)
_DISTANCE = "E|q − θ| at τₙ"
_CAPTION = (
    "Mean distance at the n-th jump time of each path's own index, with 95 % bands; dashed: E m(τₙ), exact, scaled to "
    "the end of the curve. Where dashes and curve are parallel, the distance falls like the mass."
)


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``theorem15``."""
    del config
    panels = [panel for name in problems_of(records) for panel in _panels(records, name)]
    return Section(
        "Theorem 15: losing momentum on the way",
        [
            _STATEMENT,
            Picture("theorem15", panels, _CAPTION),
            verdict_table(records),
            *(_initial_mass(records, name) for name in problems_of(records)),
            *reservations(records),
        ],
    )


def _initial_mass(records: pl.DataFrame, problem: str) -> str:
    rows = records.filter(pl.col("problem") == problem)
    limit = rows.filter(pl.col("quantity") == "limit of the initial mass")["value"].item()
    rate = rows.filter(pl.col("quantity") == "decay rate")["value"].item()
    return (
        f"On the {problem} problem λ = {short(rate)}, and the bound K m(t) is proved for m₀ < {short(limit)}. K and "
        "this limit are this project's own, from theory.mass_gap and theory.mass_gap_limit; the constant in the "
        "paper's proof is not reproduced."
    )


def _panels(records: pl.DataFrame, problem: str) -> list[Panel]:
    rows = records.filter(pl.col("problem") == problem)
    expected = dict(series_of(rows, "mean mass"))
    found = list(series_of(rows, "distance"))
    exponential = [(name, points) for name, points in found if "e^" in name]
    slow = [(name, points) for name, points in found if "e^" not in name]
    return [
        Panel(f"{problem}: m = m₀e^(−λt)", "jump n", "E|q − θ| at τₙ", _marks(exponential, expected), scale="log"),
        Panel(
            f"{problem}: m = m₀/(1+λt)", "jump n", "E|q − θ| at τₙ", _marks(slow, expected), scale="log", xscale="log"
        ),
    ]


def _marks(found: Sequence[tuple[str, pl.DataFrame]], expected: Mapping[str, pl.DataFrame]) -> list[Curve]:
    starts = [name.partition(":")[0] for name, _ in found]
    colors = looks(starts)
    marks = []
    for start, (name, points) in zip(starts, found, strict=True):
        x, y = points["x"].to_list(), points["value"].to_list()
        marks.append(Curve(start, colors[start], x, y, points["low"].to_list(), points["high"].to_list()))
        marks.append(guide("", colors[start], x, expected[name]["value"].to_list(), (x[-1], y[-1])))
    return marks
