"""Wins, ties and losses are read off intervals, and said as they are."""

import math

import polars as pl
import pytest

from underdamped.studies.reporting.contests import Standing, contest, figures, in_units, result, standings


def standing(name, low, high):
    return Standing(name, (low + high) / 2, low, high, (low, high))


A, B, C = standing("A", 1.0, 2.0), standing("B", 1.9, 3.0), standing("C", 2.1, 4.0)
GONE = Standing("gone", math.nan, None, None, (1.0, math.nan))
ALONE = Standing("alone", 1.5, None, None, (1.5,))


def test_only_intervals_apart_make_a_win():
    assert result(A, C) == "wins"
    assert result(C, A) == "loses"
    assert result(A, B) == result(B, A) == result(B, C) == "ties"
    assert result(A, standing("touching", 2.0, 3.0)) == "ties"


def test_divergence_loses_and_no_interval_says_nothing():
    assert result(A, GONE) == "wins"
    assert result(GONE, A) == "loses"
    assert result(GONE, GONE) == "ties"
    assert result(A, ALONE) is None
    assert result(ALONE, GONE) == "wins"


def test_a_contest_names_everyone_it_can_judge():
    assert contest(A, [B, C, GONE, ALONE]) == "A wins against C and gone, ties with B"
    assert contest(ALONE, [A]) == "alone has no interval to be ranked by"


def test_standings_are_those_of_the_last_step():
    rows = [
        {"series": "A", "quantity": "gap", "x": x, "value": v, "low": v - 1, "high": v + 1}
        for x, v in ((2.0, 5.0), (1.0, 9.0))
    ] + [
        {"series": "A", "quantity": "final gap", "x": s, "value": 4.0 + s, "low": None, "high": None}
        for s in (0.0, 2.0)
    ]
    assert standings(pl.DataFrame(rows), "gap") == [Standing("A", 5.0, 4.0, 6.0, (4.0, 6.0), limit=9000.0)]


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.0123"), (100.0, "100"), (1.5e-7, "1.50e−7"), (math.inf, "diverged"), (None, "–")]
)
def test_numbers_have_three_figures(value, text):
    assert figures(value) == text


def test_columns_have_a_common_unit():
    assert in_units([A, GONE]) == ("", ["1.50 [1.00, 2.00]", "diverged (1 of 2)"])
    unit, shown = in_units([standing("small", 1e-5, 3e-5), standing("large", 1e-3, 3e-3)])
    assert (unit, shown) == ("10⁻⁵", ["2.00 [1.00, 3.00]", "200 [100, 300]"])
