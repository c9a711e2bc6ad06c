"""Means and intervals over seeds, against SciPy, by hand, and by how often they cover the truth."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from underdamped.studies.reporting.statistics import difference, over_seeds


def test_it_is_scipys_t_interval_in_each_group():
    random = np.random.default_rng(0)
    groups = {"a": random.normal(3, 2, size=5), "b": random.normal(-1, 0.1, size=2)}
    frame = pl.DataFrame([{"method": name, "x": x} for name, values in groups.items() for x in values])
    result = over_seeds(frame, "x", by=["method"], confidence=0.9)
    assert result["method"].to_list() == ["a", "b"]
    for row, values in zip(result.iter_rows(named=True), groups.values(), strict=True):
        interval = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
        assert row["n"] == len(values)
        assert math.isclose(row["mean"], values.mean(), rel_tol=1e-14)
        assert math.isclose(row["sd"], values.std(ddof=1), rel_tol=1e-13)
        assert math.isclose(row["low"], interval.low, rel_tol=1e-12)
        assert math.isclose(row["high"], interval.high, rel_tol=1e-12)


def test_three_seeds_cover_the_truth_as_often_as_promised():
    number = 20_000
    values = np.random.default_rng(1).normal(size=(number, 3))
    frame = pl.DataFrame({"study": np.repeat(np.arange(number), 3), "x": values.ravel()})
    covered = over_seeds(frame, "x", by=["study"]).select(((pl.col("low") <= 0) & (pl.col("high") >= 0)).mean()).item()
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / number)


def test_one_seed_has_no_interval():
    row = over_seeds(pl.DataFrame({"method": ["a"], "x": [2.0]}), "x", by=["method"]).row(0, named=True)
    assert row == {"method": "a", "n": 1, "mean": 2.0, "sd": None, "low": None, "high": None}


def test_missing_values_are_not_counted_and_diverged_ones_leave_no_mean():
    frame = pl.DataFrame({"m": ["a", "a", "a", "b", "b", "c"], "x": [1.0, 3.0, None, 1.0, math.nan, None]})
    result = over_seeds(frame, "x", by=["m"])
    assert result["n"].to_list() == [2, 2, 0]
    assert result["mean"].to_list() == [2.0, None, None]
    assert result["low"].is_null().to_list() == [False, True, True]


def test_the_difference_is_welchs():
    first, second = np.array([3.0, 3.5, 4.5, 2.0]), np.array([1.0, 1.1, 0.7])
    result = difference(first, second)
    shares = first.var(ddof=1) / 4, second.var(ddof=1) / 3
    freedom = sum(shares) ** 2 / (shares[0] ** 2 / 3 + shares[1] ** 2 / 2)  # Welch and Satterthwaite
    margin = stats.t.ppf(0.975, freedom) * math.sqrt(sum(shares))
    assert math.isclose(result.mean, first.mean() - second.mean(), rel_tol=1e-14)
    assert math.isclose(result.low, result.mean - margin, rel_tol=1e-12)
    assert math.isclose(result.high, result.mean + margin, rel_tol=1e-12)


@pytest.mark.parametrize(("first", "second"), [([1.0], [0.5, 0.6]), ([1.0, 1.0], [2.0, 2.0])])
def test_no_difference_interval_out_of_nothing(first, second):
    assert difference(first, second)[1:] == (None, None)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95, math.nan])
def test_a_confidence_is_a_probability(confidence):
    frame = pl.DataFrame({"m": ["a"], "x": [1.0]})
    with pytest.raises(ValueError, match="`confidence` must be"):
        over_seeds(frame, "x", by=["m"], confidence=confidence)
    with pytest.raises(ValueError, match="`confidence` must be"):
        difference([1.0], [2.0], confidence)


def test_an_empty_sample_is_refused():
    with pytest.raises(ValueError, match="`second` must be a sample with values"):
        difference([1.0, 2.0], [])
