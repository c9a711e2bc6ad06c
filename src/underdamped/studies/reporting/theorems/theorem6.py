"""The section of Theorem 6 and Remark 7: distance to the process without mass, and to the gradient flow."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.plots import Curve, Look, Panel, Points, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.guides import guide
from underdamped.studies.reporting.theorems.verdicts import problems_of, reservations, series_of, verdict_table

_STATEMENT = (
    "As m → 0 with ν = m^δ, hSGMP converges to SGP on the same index path, E sup |q − θ| = O(m^(1−δ)) (Theorem 6); for "
    "δ > 0 both converge to the full gradient flow (Remark 7). Derived here: sup |q − θ| ≤ K m on every index path, "
    "whatever δ; and a distance of order √ν = m^(δ/2) to the gradient flow, if a central limit theorem holds."
)
_CAPTION = (
    "Left and right, or above and below: distance of hSGMP(ii), α = 1, to SGP on the same index path, and to the full "
    "gradient flow, up to time 5. Dashed lines have slope 1 for SGP and 1/4 for the flow, and pass through the "
    "leftmost dots; the bound K m is this project's own, the constant of the paper is not reproduced, and it is shown "
    "for masses at which it is proved. Suprema are taken over 401 saved times, and so are slightly too small."
)


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``theorem6``."""
    del config
    panels = [panel for name in problems_of(records) for panel in _panels(records, name)]
    return Section(
        "Theorem 6 and Remark 7: losing momentum",
        [_STATEMENT, Picture("theorem6", panels, _CAPTION), verdict_table(records), *reservations(records)],
    )


def _panels(records: pl.DataFrame, problem: str) -> list[Panel]:
    rows = records.filter(pl.col("problem") == problem)
    colors = looks([name for name, _ in series_of(rows, "distance to SGP")])
    to_sgp: list[Curve | Points] = [
        Curve("bound K m, derived here", Look("#888888"), bound["x"].to_list(), bound["value"].to_list())
        for _, bound in series_of(rows, "bound")
    ]
    to_flow: list[Curve | Points] = []
    for marks, quantity, slope in ((to_sgp, "distance to SGP", 1.0), (to_flow, "distance to the gradient flow", 0.25)):
        for name, points in series_of(rows, quantity):
            x, y = points["x"].to_list(), points["value"].to_list()
            marks.append(guide("", colors[name], x, [m**slope for m in x], (x[0], y[0])))
            marks.append(Points(name, colors[name], x, y, points["low"].to_list(), points["high"].to_list()))
    return [
        Panel(f"{problem}: distance to SGP", "mass m", "E sup |q − θ|", to_sgp, scale="log", xscale="log"),
        Panel(
            f"{problem}: distance to gradient flow", "mass m", "E sup |q − flow|", to_flow, scale="log", xscale="log"
        ),
    ]
