"""The section of Proposition 22 and Lemma 32: the worst of all trajectories against the proved rate."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.plots import Curve, Look, Panel, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.verdicts import problems_of, reservations, series_of, verdict_table

_STATEMENT = (
    "Along the underdamped flow V(t) ≤ V(0)e^(−rt): for the full potential at constant mass (Proposition 22, here for "
    "every m and α, r = min(μ/α, α/(4m))), and for one fixed component while the mass is lost (Lemma 32, "
    "r = λ = min(μ/4, 1/4))."
)
_CAPTION = (
    "V(t)e^(rt)/V(0), the largest among all trajectories at each time. The theorems say that it never exceeds 1, the "
    "grey line. How far below it ends is how much the proved rate gives away."
)


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``lyapunov``."""
    del config
    return Section(
        "Proposition 22 and Lemma 32: what falls along every trajectory",
        [
            _STATEMENT,
            Picture("lyapunov", [_panel(records, name) for name in problems_of(records)], _CAPTION),
            verdict_table(records),
            *reservations(records),
        ],
    )


def _panel(records: pl.DataFrame, problem: str) -> Panel:
    rows = records.filter(pl.col("problem") == problem)
    found = list(series_of(rows, "worst ratio"))
    colors = looks([name for name, _ in found])
    ends = [0.0, max(points["x"].to_list()[-1] for _, points in found)]
    marks = [Curve("", Look("#888888"), ends, [1.0, 1.0])]
    marks += [Curve(name, colors[name], points["x"].to_list(), points["value"].to_list()) for name, points in found]
    return Panel(problem, "time t", "largest V(t)e^(rt)/V(0)", marks, scale="log")
