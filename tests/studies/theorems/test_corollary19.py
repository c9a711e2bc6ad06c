"""Theorem 18 and Corollary 19: what is compared, how it is judged, and a small run through records, page and report."""

import dataclasses
import math

import jax
import numpy as np
import polars as pl
import pytest
import scipy.integrate

from underdamped.studies import limits
from underdamped.studies.reporting.report import Table, write_report
from underdamped.studies.reporting.style import Look
from underdamped.studies.reporting.theorems import corollary19 as section
from underdamped.studies.reporting.theorems.rows import grid_of, points_of
from underdamped.studies.reporting.theorems.verdicts import judgements
from underdamped.studies.runs.records import open_run
from underdamped.studies.theorems import corollary19
from underdamped.studies.theorems.problems import quadratic
from underdamped.studies.theorems.rows import frame
from underdamped.theory import check_assumptions


@pytest.fixture
def choices():
    with jax.enable_x64(True):
        return {choice.name: choice for choice in corollary19.choices(quadratic(), horizon=100.0)}


def test_the_papers_choice_meets_every_assumption(choices):
    papers = choices[corollary19.PAPERS]
    verdicts = check_assumptions(papers.mass, papers.rate, min_curvature=1.0, max_curvature=3.0)
    assert [verdict.assumption for verdict in verdicts if not verdict.holds] == []


def test_a_faster_switching_than_the_paper_admits_is_warned_of(choices):
    with jax.enable_x64(True), pytest.warns(UserWarning, match="A4 does not hold.*t³"):
        rows = corollary19._assumptions(quadratic(), choices["ddSGMP, β = t³"])
    assert "assumption not met" in [row["quantity"] for row in rows]


def test_both_fast_choices_end_after_equally_many_switches(choices):
    counts = [
        scipy.integrate.quad(choices[name].rate_at, 0, choices[name].horizon)[0]
        for name in (corollary19.PAPERS, "ddSGMP, β = t³")
    ]
    assert counts[0] == pytest.approx(1e5)
    assert counts[1] == pytest.approx(counts[0])


def _judged(choice, exponent):
    """Verdicts on synthetic errors 20 t^exponent from t = 1 on, with 10 % of noise a path."""
    config = dataclasses.replace(limits.QUICK, horizon=100.0)
    times = np.concatenate([[0.0], np.geomspace(0.1, choice.horizon, 60)])
    noise = np.random.default_rng(0).exponential(size=(400, 1)) ** 0.1
    squares = 20 * np.maximum(times, 1.0) ** exponent * noise
    rows = corollary19._comparisons(choice, times, squares, 0.2 * choice.rate_at(choice.horizon), config)
    return {one.what: one for one in judgements(frame({"experiment": "e", "problem": "p"} | row for row in rows))}


def test_an_error_that_falls_as_it_should_agrees(choices):
    found = _judged(choices[corollary19.PAPERS], -1.0)
    assert found["exponent of time at the end"].agrees
    assert found["exponent of time at the end"].predicted == pytest.approx(-1.0)
    ratio = found["error at the end over that of averaging"]
    assert (ratio.value, ratio.verdict) == (pytest.approx(0.95, abs=0.05), "agrees")


def test_an_error_that_stops_falling_disagrees(choices):
    found = _judged(choices[corollary19.PAPERS], -0.5)
    assert found["exponent of time at the end"].verdict == "does not agree: above -0.8"
    assert found["error at the end over that of averaging"].verdict == "does not agree: above 1.2"


def test_a_twin_that_goes_on_falling_does_not_stall(choices):
    twin = choices["hSGMP, constant mass and rate"]
    assert _judged(twin, 0.0)["exponent of time at the end"].agrees
    assert _judged(twin, -1.0)["exponent of time at the end"].verdict.startswith("does not agree")


def test_scores_are_gaps_in_standard_errors():
    rows = [
        {"series": "a", "quantity": "exact error", "x": 1.0, "value": 2.0},
        {"series": "a", "quantity": "squared error", "x": 1.0, "value": 2.3, "low": 2.3 - 0.196, "high": 2.3 + 0.196},
    ]
    judged = corollary19._worst_score(rows, limits.QUICK)
    assert judged[0]["value"] == pytest.approx(3.0)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | row for row in judged))
    assert found.verdict.startswith("no verdict: only 200 paths")


def test_rows_on_a_grid_leave_holes_where_nothing_was_recorded():
    rows = pl.DataFrame({"x": [1.0, 2.0, 1.0], "y": [5.0, 5.0, 6.0], "value": [0.1, 0.2, 0.3]})
    x, y, values = grid_of(rows)
    assert (x.tolist(), y.tolist()) == ([1.0, 2.0], [5.0, 6.0])
    np.testing.assert_array_equal(values, [[0.1, 0.2], [0.3, np.nan]])


def test_points_of_a_logarithmic_axis_are_positive():
    rows = frame(
        {"experiment": "e", "series": "s", "quantity": "q", "x": x, "value": value, "low": -1.0, "high": 2.0}
        for x, value in ((0.0, 1.0), (1.0, 1.0), (2.0, 0.0))
    )
    points = points_of(rows, "s", "q", Look("#000000"), positive=True)
    assert (list(points.x), points.low) == ([1.0], pytest.approx([0.01]))


SMALL = limits.Config(
    experiments=("longrun", "spread", "instability", "corollary19"),
    problems=("quadratic",),
    paths=16,
    long_paths=16,
    map_paths=4,
    coupled_paths=4,
    grid=3,
    horizon=10.0,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:A4 does not hold")
def test_a_small_run_ends_in_a_report(tmp_path):
    run = open_run(tmp_path / "run", "limits", SMALL)
    records = limits.run(SMALL, run)
    text = write_report(run.path).read_text()
    for heading in ("forgetting the start", "where it settles", "made unstable", "losing momentum and subsampling"):
        assert heading in text
    for name in ("longrun-distances", "longrun-rates", "spread", "instability", "corollary19", "theorem18"):
        assert (run.path / "figures" / f"{name}.svg").stat().st_size > 5000
    found = {one.what: one for one in judgements(records)}
    assert len(found) > 8
    assert all(math.isfinite(one.value) for one in found.values())
    exact = found["largest relative error of the rate of forgetting, 13 masses"]
    assert exact.agrees  # not random: small ensembles do not excuse it
    table = section.section(records.filter(pl.col("experiment") == "corollary19"), {}).blocks[-2]
    assert isinstance(table, Table)
    by_choice = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert by_choice[corollary19.PAPERS]["A4"] == "holds"
    assert by_choice["ddSGMP, β = t³"]["A4"] == "fails"
