"""The section of random switching: two stable springs, and where switching between them makes them unstable."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting.marks import Curve, Map, Mark
from underdamped.studies.reporting.plots import Panel
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.style import Look
from underdamped.studies.reporting.theorems.rows import grid_of, map_of, number_of, rows_of
from underdamped.studies.reporting.theorems.verdicts import reservations, short, verdict_table

_STATEMENT = (
    "Below the mass α²/(√L − √μ)² no switching can destabilise the process. Above it, switching between two springs "
    "that are each stable can make it unstable: first in mean square, then on almost every path. (Derived here; not in "
    "the paper.)"
)
_CLASSES = (
    ("stable", "#DCE6EE"),
    ("paths settle, their mean square does not", "#E8B04A"),
    ("almost every path diverges", "#B5402F"),
    ("not decided by this ensemble", "#A8A8A8"),
)
_STABLE, _MEAN_SQUARE, _UNSTABLE, _OPEN = range(4)
_BOUNDARY, _THRESHOLD, _HEAVY = Look("#000000"), Look("#0072B2"), Look("#009E73", (4.0, 1.6))


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``instability``."""
    del config
    threshold = number_of(records, "common norm", "largest mass that is stable for every index process")
    heavy = number_of(records, "heavy mass", "rate above which all masses are stable")
    springs = " and ".join(short(a) for a in rows_of(records, "spring", "curvature")["value"].to_list())
    lines = _lines(records, threshold, heavy)
    return Section(
        "Random switching: two stable springs made unstable",
        [
            _STATEMENT,
            Picture(
                "instability",
                [
                    _panel("What happens", [_classes(records), *lines]),
                    _panel("Growth of the root mean square", [_growth(records, "mean square"), *lines]),
                    _panel("Growth of almost every path", [_growth(records, "almost every path"), *lines]),
                ],
                f"Two springs of curvatures {springs}, α = 1, redrawn at the rate κ. Growth rates are in units of "
                "α/2m, so that −1 is the decay of one swinging spring; red grows. The mean square is exact, from the "
                "generator of its moments; paths are measured (Lyapunov exponent). Black: exact boundary of "
                f"mean-square stability. Blue: the mass {short(threshold)} up to which every index process is "
                f"stable. Dashed: the rate {short(heavy)} above which even the heaviest mass is.",
            ),
            _areas(records),
            verdict_table(records),
            *reservations(records),
        ],
    )


def _panel(title: str, contents: list[Mark]) -> Panel:
    return Panel(title, "mass m", "rate of redraws κ", contents, scale="log", xscale="log")


def _growth(records: pl.DataFrame, series: str) -> Map:
    return map_of(records, series, "growth", "growth, in α/2m", limits=(-2.0, 2.0), diverging=True)


def _lines(records: pl.DataFrame, threshold: float, heavy: float) -> list[Curve]:
    boundary = rows_of(records, "boundary, exact", "lightest unstable mass")
    masses, rates, _ = grid_of(rows_of(records, "mean square", "growth"))
    ends = [float(rates[0]), float(rates[-1])]
    return [
        Curve("exact boundary", _BOUNDARY, boundary["value"].to_numpy(), boundary["x"].to_numpy()),
        Curve("stable for every index", _THRESHOLD, [threshold, threshold], ends),
        Curve("limit of heavy masses", _HEAVY, [float(masses[0]), float(masses[-1])], [heavy, heavy]),
    ]


def _classes(records: pl.DataFrame) -> Map:
    x, y, mean_square = grid_of(rows_of(records, "mean square", "growth"))
    paths = rows_of(records, "almost every path", "growth")
    low, high = (grid_of(paths.with_columns(value=pl.col(end)))[2] for end in ("low", "high"))
    kinds = np.full(mean_square.shape, _OPEN, dtype=float)
    kinds[(mean_square > 0) & (high < 0)] = _MEAN_SQUARE
    kinds[low > 0] = _UNSTABLE
    kinds[mean_square <= 0] = _STABLE  # and so is almost every path, by Jensen's inequality
    return Map("", x, y, kinds, classes=_CLASSES)


def _areas(records: pl.DataFrame) -> str:
    kinds = _classes(records).values
    counts = [int((kinds == kind).sum()) for kind in range(len(_CLASSES))]
    return (
        f"Of {kinds.size} points, {counts[_STABLE]} are mean-square stable; at {counts[_MEAN_SQUARE]} paths settle "
        f"while their mean square grows, at {counts[_UNSTABLE]} almost every path diverges, and {counts[_OPEN]} cannot "
        "be told."
    )
