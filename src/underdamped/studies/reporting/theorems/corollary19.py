"""The section of Theorem 18 and Corollary 19, the paper's main result: losing momentum and subsampling together."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting.marks import Curve, Points
from underdamped.studies.reporting.plots import Panel, looks
from underdamped.studies.reporting.report import Picture, Section, Table
from underdamped.studies.reporting.theorems.rows import curve_of, number_of, points_of, rows_of
from underdamped.studies.reporting.theorems.verdicts import problems_of, reservations, series_of, short, verdict_table

_STATEMENT = (
    "If the mass is lost and the switching speeds up, in balance (A1, A3, A4, strong convexity), ddSGMP converges to "
    "the global minimiser: |q − ξ| → 0 almost surely for the SGP ξ on the same index path, and q → θ* in probability."
)
_ERROR, _EXACT = "squared error", "exact error"


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``corollary19``."""
    del config
    names = [name for name, _ in series_of(records, _ERROR)]
    problems = problems_of(records)
    parts = [(name, records.filter(pl.col("problem") == name)) for name in problems]
    papers = names[0]
    scale = "; ".join(
        f"{name}: m = e^(−{short(number_of(rows, papers, 'loss of mass'))} t), "
        f"Nγ = {short(number_of(rows, papers, 'redraws a unit of β'))}"
        for name, rows in parts
    )
    return Section(
        "Theorem 18 and Corollary 19: losing momentum and subsampling",
        [
            _STATEMENT,
            Picture(
                "corollary19",
                [_errors(name, rows, names) for name, rows in parts],
                f"Mean squared distance to θ* against time ({scale}; Nγ is smaller for β = t³). Dots: ensembles with "
                "95 % intervals; lines: exact moments, where they are known, else they join the dots. By averaging, "
                "derived here and not in the paper, the error falls like 1/κ(t), the inverse of the rate of redraws, "
                "at any mass: what decides whether it stalls is the switching.",
            ),
            _fallen(parts, names),
            Picture(
                "theorem18",
                [_distances(name, rows, papers) for name, rows in parts],
                f"{papers}: squared distance to the SGP on the same index path. Mean over paths with 95 % intervals, "
                "the largest of all paths, and σ²m²/(1+κm), derived here: near θ* the gradients are noise of mean "
                "square σ² that forgets at the rate κ, the velocity averages it over times of order m, and q − ξ is −m "
                "times the velocity. Only its slope is judged: once κm is small, terms of the same order in m are "
                "left out.",
            ),
            verdict_table(records),
            _assumptions(records, names),
            *reservations(records),
        ],
    )


def _fallen(parts: Sequence[tuple[str, pl.DataFrame]], names: Sequence[str]) -> Table:
    """How far each error fell, from its first to its last value, and how it compares with the paper's choice."""
    rows = []
    for name in names:
        cells = []
        for _, records in parts:
            points, papers = (rows_of(records, one, _ERROR) for one in (name, names[0]))
            fall = log10(points["value"][0] / points["value"][-1])
            beside = points["value"][-1] / np.interp(
                points["x"][-1], papers["x"].to_numpy(), papers["value"].to_numpy()
            )
            cells += [f"{fall:.1f}", short(points["x"][-1]), short(beside)]
        rows.append([name, *cells])
    columns = [
        f"{problem}: {what}" for problem, _ in parts for what in ("decades", "up to t", "error beside first row")
    ]
    return Table(["E|q − θ*|²", *columns], rows, "Decades that the error falls from the start, and what is left of it.")


def _errors(problem: str, rows: pl.DataFrame, names: list[str]) -> Panel:
    look = looks(names)
    marks: list[Curve | Points] = []
    for name in names:
        measured = points_of(rows, name, _ERROR, look[name], positive=True)
        exact = curve_of(rows.filter(pl.col("x") > 0), name, _EXACT, look[name])
        marks.append(exact if len(exact.x) else Curve(name, look[name], measured.x, measured.y))
        every = slice(None, None, 3)
        low, high = measured.low, measured.high
        assert low is not None and high is not None  # noqa: PT018  (points_of sets both)
        marks.append(Points(name, look[name], measured.x[every], measured.y[every], low[every], high[every]))
    return Panel(problem.capitalize(), "time t", "E|q − θ*|²", marks, scale="log", xscale="log", size=(4.6, 4.0))


def _distances(problem: str, rows: pl.DataFrame, papers: str) -> Panel:
    look = looks(["mean of |q − ξ|²", "largest of all paths", "σ²m²/(1+κm)"])
    (mean, mean_look), (largest, largest_look), (derived, derived_look) = look.items()
    positive = rows.filter((pl.col("x") > 0) & (pl.col("value") > 0))
    marks = [
        points_of(positive, papers, "squared distance to SGP", mean_look, mean, positive=True),
        curve_of(positive, papers, "largest squared distance to SGP", largest_look, largest),
        curve_of(positive, papers, "predicted squared distance to SGP", derived_look, derived),
    ]
    return Panel(problem.capitalize(), "time t", "|q − ξ|²", marks, scale="log", xscale="log")


def _assumptions(records: pl.DataFrame, names: list[str]) -> Table:
    """Theory's verdicts, one row a choice; constants differ between the problems, verdicts may."""
    found = records.filter(
        pl.col("quantity").str.starts_with("assumption ") & (pl.col("quantity") != "assumption not met")
    )
    kinds = found["quantity"].unique(maintain_order=True).to_list()
    rows = []
    for name in names:
        cells = []
        for kind in kinds:
            chosen = found.filter((pl.col("series") == name) & (pl.col("quantity") == kind))
            words = {1.0: "holds", 0.0: "fails", None: "open"}
            outcomes = list(dict.fromkeys(words[value] for value in chosen["value"].to_list()))
            cells.append(" / ".join(outcomes))
        rows.append([name, *cells])
    columns = ["", *(kind.removeprefix("assumption ") for kind in kinds)]
    return Table(columns, rows, _CAPTION)


_CAPTION = (
    "Which assumptions each choice meets, by theory. Def. 8: the mass decreases strictly to 0. A4 balances how fast "
    "the switching speeds up and the mass is lost; it holds where the rate is constant too, but subsampling is not "
    "lost then. The assumptions are sufficient, not necessary."
)
