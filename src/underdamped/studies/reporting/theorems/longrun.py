"""The section of the long run: how two starts forget where they began, and at which rate for which mass."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.plots import Panel, looks
from underdamped.studies.reporting.report import Picture, Section
from underdamped.studies.reporting.theorems.rows import curve_of, number_of, points_of, rows_of
from underdamped.studies.reporting.theorems.verdicts import reservations, short, verdict_table

_STATEMENT = (
    "If every component is μ-strongly convex and L-smooth and α > √m(√L − √μ), then one norm contracts all of them at "
    "once: two starts forget each other at a rate that theory bounds from below, whatever the index does. Where all "
    "components share one matrix, the rate is exactly that of the slowest mode. (Derived here; the paper leaves the "
    "long run at constant mass and rate open.)"
)
_BOUND, _COUPLED, _EXACT = "theory's bound", "coupling, measured", "coupling, exact"
_GAUSSIAN, _SAMPLES, _FLOOR = "W₂ of Gaussians, exact", "W₂ of independent samples", "two samples of one law"
_LOOKS = looks([_EXACT, _SAMPLES, _BOUND, _GAUSSIAN, _COUPLED, _FLOOR])
_RATE = "rate of forgetting"


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section:
    """The section, from the rows of ``longrun``."""
    del config
    quadratic, logistic = (records.filter(pl.col("problem") == name) for name in ("quadratic", "logistic"))
    distances, rates, captions = [], [], []
    if not quadratic.is_empty():
        distances.append(_laws(quadratic))
        rates += [_equal(quadratic), _different(quadratic)]
        captions.append(
            f"On the quadratic (m = {short(number_of(quadratic, 'laws', 'mass'))}, redraws at the rate κ = "
            f"{short(number_of(quadratic, 'laws', 'switching rate'))}): the W₂ distance of the laws of the "
            "positions lies between that of Gaussian laws with the same moments and the root mean square of the "
            "distance in synchronous coupling; both are exact. Samples cannot show distances below that of two samples "
            "of one law; verdicts on sampled W₂ are of times at which it is five times that."
        )
    if not logistic.is_empty():
        distances.append(_coupling(logistic))
        rates.append(_bounded(logistic))
        captions.append(
            f"On the logistic regression (m = {short(number_of(logistic, 'pairs of paths', 'mass'))}): the root mean "
            "square of the distance of pairs of paths, in the norm that all components contract."
        )
    return Section(
        "The long run at constant mass: forgetting the start",
        [
            _STATEMENT,
            Picture("longrun-distances", distances, " ".join([*captions, "Bars are 95 % intervals."])),
            Picture(
                "longrun-rates",
                rates,
                "Exponential rate of the root mean square distance under synchronous coupling, against the mass. With "
                "equal matrices it peaks at m = α²/(4μ), the best mass; with matrices that do not commute it is exact "
                "from the generator of second moments, and theory's bound ends where it is no longer positive.",
            ),
            verdict_table(records),
            *reservations(records),
        ],
    )


def _laws(rows: pl.DataFrame) -> Panel:
    quantity = "distance of positions"
    marks = [curve_of(rows, name, quantity, _LOOKS[name]) for name in (_BOUND, _EXACT, _GAUSSIAN, _FLOOR)]
    marks += [points_of(rows, name, quantity, _LOOKS[name], positive=True) for name in (_SAMPLES, _COUPLED)]
    return Panel("Quadratic", "time t", "distance of positions", marks, scale="log")


def _coupling(rows: pl.DataFrame) -> Panel:
    quantity = "distance in the common norm"
    marks = [
        curve_of(rows, _BOUND, quantity, _LOOKS[_BOUND]),
        points_of(rows, _COUPLED, quantity, _LOOKS[_COUPLED], positive=True),
    ]
    return Panel("Logistic regression", "time t", "distance, common norm", marks, scale="log")


def _equal(rows: pl.DataFrame) -> Panel:
    marks = [
        curve_of(rows, "equal springs", "theory's rate", _LOOKS[_EXACT], "exact"),
        points_of(rows, "equal springs", _RATE, _LOOKS[_COUPLED], _COUPLED),
    ]
    return Panel("Quadratics with one matrix", "mass m", "rate (1/time)", marks, xscale="log")


def _different(rows: pl.DataFrame) -> Panel:
    series = "different springs"
    proven = rows_of(rows, series, _BOUND).filter(pl.col("value") > 0)
    marks = [
        curve_of(rows, series, "exact rate", _LOOKS[_EXACT], "exact"),
        curve_of(proven, series, _BOUND, _LOOKS[_BOUND], _BOUND),
        points_of(rows, series, _RATE, _LOOKS[_COUPLED], _COUPLED),
    ]
    return Panel("Quadratics that do not commute", "mass m", "rate (1/time)", marks, xscale="log")


def _bounded(rows: pl.DataFrame) -> Panel:
    series = "pairs of paths"
    marks = [
        curve_of(rows, series, _BOUND, _LOOKS[_BOUND], _BOUND),
        points_of(rows, series, _RATE, _LOOKS[_COUPLED], _COUPLED),
    ]
    return Panel("Logistic regression", "mass m", "rate (1/time)", marks, xscale="log")
