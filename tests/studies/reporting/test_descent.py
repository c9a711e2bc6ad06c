"""Divergence is drawn as divergence: curves end where they leave, and those that come back are shown whole."""

import numpy as np
import polars as pl

from underdamped.studies.descent.rows import frame, row
from underdamped.studies.reporting import descent
from underdamped.studies.reporting.contests import standings
from underdamped.studies.reporting.plots import Curve


def records(values):
    rows = []
    for name, series in values.items():
        for n, value in enumerate(series):
            panel = "" if name == "SGD" else "constant"
            rows += [row("Fig. 5", name, quantity, v, x=n, setting=panel)
                     for quantity, v in (("distance", value), ("distance sd", 0.1 * value))]  # fmt: skip
        rows.append(row("Fig. 5", name, "final distance", series[-1], x=0.0, setting=panel))
    return frame(rows)


VALUES = {
    "SGD": [10.0, 5.0, 2.0, 1.0],
    "hSGMP m=1": [10.0, 1e3, 1e5, 1e9],
    "hSGMP m=0.5": [10.0, 1e8, 1e3, 0.5],
    "hSGMP m=0.25": [10.0, 20.0, np.inf, np.nan],
}


def test_curves_end_where_they_diverge_and_come_back_whole():
    (panel,) = descent.figure5(records(VALUES)).panels
    curves = {mark.label: mark for mark in panel.contents if isinstance(mark, Curve)}
    assert [curve.broken for curve in curves.values()] == [False, True, False, True]
    np.testing.assert_array_equal(curves["SGMP m₀=1"].y, [10.0, 1e3, np.nan, np.nan])
    np.testing.assert_array_equal(curves["SGMP m₀=0.5"].y, VALUES["hSGMP m=0.5"])
    np.testing.assert_array_equal(curves["SGMP m₀=0.25"].y, [10.0, 20.0, np.nan, np.nan])


def test_what_ends_beyond_a_thousand_times_the_start_has_diverged_finite_or_not():
    ended = standings(records(VALUES).filter(pl.col("experiment") == "Fig. 5"), "distance")
    assert [item.diverged for item in ended] == [0, 1, 0, 1]
