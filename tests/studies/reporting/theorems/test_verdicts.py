"""Verdicts follow from the numbers."""

import math

import pytest

from underdamped.studies.reporting.theorems.verdicts import Judgement, judgements, reservations
from underdamped.studies.theorems.rows import Interval, frame, judged, row, unmet


def judgement(low, high, accepted=(0.45, 0.55)):
    return Judgement("theorem", "quadratic", "", "slope", (low + high) / 2, low, high, 0.5, accepted, 100)


@pytest.mark.parametrize(
    ("low", "high", "accepted", "verdict"),
    [
        (0.48, 0.52, (0.45, 0.55), "agrees"),
        (0.5, 0.5, (0.45, 0.55), "agrees"),
        (0.40, 0.44, (0.45, 0.55), "does not agree: below 0.45"),
        (0.56, 0.57, (0.45, 0.55), "does not agree: above 0.55"),
        (0.40, 0.60, (0.45, 0.55), "no verdict: the ensemble is too small (interval ± 0.1)"),
        (0.54, 0.56, (0.45, 0.55), "no verdict: the ensemble is too small (interval ± 0.01)"),
        (0.96, 9.00, (0.95, math.inf), "agrees"),
        (0.90, 0.94, (0.95, math.inf), "does not agree: below 0.95"),
        (1.10, 1.10, (-math.inf, 1.0), "does not agree: above 1"),
        (math.nan, math.nan, (0.45, 0.55), "does not agree: what was measured is not finite"),
    ],
)
def test_verdict(low, high, accepted, verdict):
    assert judgement(low, high, accepted).verdict == verdict


@pytest.mark.parametrize(
    ("accepted", "prediction", "counts"),
    [
        ((0.45, 0.55), "0.5", "0.45 to 0.55"),
        ((0.45, math.inf), "at least 0.5", "≥ 0.45"),
        ((-math.inf, 0.5), "at most 0.5", "≤ 0.5"),
    ],
)
def test_prediction_in_words(accepted, prediction, counts):
    found = judgement(0.5, 0.5, accepted)
    assert (found.prediction, found.counts) == (prediction, counts)


def test_a_range_without_a_number_predicted_shows_a_dash():
    pair = judged("", "largest score", 2.0, None, (0.0, 4.0), paths=1000)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in pair))
    assert (found.prediction, found.counts, found.verdict) == ("–", "0 to 4", "agrees")


@pytest.mark.parametrize(("paths", "fewest"), [(5, 30), (29, 30), (499, 500)])
@pytest.mark.parametrize("value", [Interval(1.0, 0.99, 1.01), Interval(9.0, 8.0, 10.0)])
def test_too_few_paths_give_no_verdict_whatever_they_measure(paths, fewest, value):
    pair = judged("", "slope", value, 1.0, (0.9, 1.1), paths=paths, fewest=fewest)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in pair))
    assert found.verdict == f"no verdict: only {paths} paths, {fewest} are needed"
    pair = judged("", "slope", value, 1.0, (0.9, 1.1), paths=fewest, fewest=fewest)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in pair))
    assert found.kind in ("agrees", "does not agree")


def test_what_is_not_finite_disagrees_however_few_the_paths():
    pair = judged("", "slope", math.nan, 1.0, (0.9, 1.1), paths=2)
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in pair))
    assert found.verdict == "does not agree: what was measured is not finite"


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (1.00029, 0.00013, "1.00029 [1.00016, 1.00042]"),
        (0.4991, 0.0022, "0.4991 [0.4969, 0.5013]"),
        (12.3, 2.0, "12.3 [10.3, 14.3]"),
        (3.1e-5, 1e-6, "3.1e-05 [3e-05, 3.2e-05]"),
        (0.7314, 0.0, "0.731"),
    ],
)
def test_measurement_in_words(value, half, text):
    found = Judgement("theorem", "quadratic", "", "slope", value, value - half, value + half, 0.5, (0, 1), 100)
    assert found.measurement == text


def test_pairs_are_found_by_experiment_problem_series_and_words():
    rows = []
    for problem in ("quadratic", "logistic"):
        for series in ("a", "b"):
            for what, predicted in (("slope", 1.0), ("size", 2.0)):
                pair = judged(series, what, Interval(0.5, 0.4, 0.6), predicted, (0.0, 1.0), paths=7)
                rows += [{"experiment": "e", "problem": problem} | one for one in pair]
    found = judgements(frame(rows))
    assert [(one.problem, one.series, one.what, one.predicted) for one in found] == [
        (problem, series, what, predicted)
        for problem in ("quadratic", "logistic")
        for series in ("a", "b")
        for what, predicted in (("slope", 1.0), ("size", 2.0))
    ]
    assert {one.measurement for one in found} == {"0.50 [0.40, 0.60]"}


def test_an_exact_number_needs_no_interval():
    (found,) = judgements(frame({"experiment": "e", "problem": "p"} | one for one in judged("", "", 0.5, 1.0, (0, 1))))
    assert (found.low, found.high, found.measurement, found.agrees) == (0.5, 0.5, "0.5", True)


def test_an_assumption_that_fails_warns_is_recorded_and_shown():
    with pytest.warns(UserWarning, match="A3 does not hold: the mass grows"):
        rows = [unmet("A3", "the mass grows"), row("", "distance", 1.0)]
    records = frame({"experiment": "e", "problem": "quadratic"} | one for one in rows)
    assert reservations(records) == ["On the quadratic problem: A3 does not hold: the mass grows."]
