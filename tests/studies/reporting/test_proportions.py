"""Intervals of proportions: closed forms, published numbers, coverage summed over all outcomes."""

import numpy as np
import pytest
from scipy import stats

from underdamped.studies.reporting.proportions import newcombe, wilson


@pytest.mark.parametrize(("hits", "runs"), [(0, 10), (3, 10), (10, 10), (500, 1000)])
def test_wilson_solves_the_score_equation(hits, runs):
    """Its ends are where |p̂ - p| equals 1.96 standard errors at p itself."""
    z = stats.norm.ppf(0.975)
    for end in wilson(hits, runs):
        assert (hits / runs - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / runs, abs=1e-12)


def test_newcombe_gives_the_published_intervals():
    """Table II of the paper, method 10: (a) 56/70 - 48/80, (d) 9/10 - 3/10, (g) 10/10 - 0/20."""
    for first, second, published in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ):
        assert newcombe(first, second)[1:] == pytest.approx(published, abs=6e-5)


@pytest.mark.slow
def test_newcombe_covers_on_average():
    n, outcomes = 40, np.arange(41)
    for p1, p2 in ((0.1, 0.1), (0.3, 0.5), (0.05, 0.4)):
        weights = np.outer(stats.binom.pmf(outcomes, n, p1), stats.binom.pmf(outcomes, n, p2))
        covered = [[(gap := newcombe((a, n), (b, n))).low <= p1 - p2 <= gap.high for b in outcomes] for a in outcomes]
        assert (weights * covered).sum() > 0.93


def test_only_a_difference_without_zero_is_clear():
    assert newcombe((90, 100), (10, 100)).is_clear
    assert newcombe((10, 100), (90, 100)).is_clear
    assert not newcombe((50, 100), (52, 100)).is_clear


def test_bad_counts_are_refused():
    with pytest.raises(ValueError, match="`hits` must be from 0 to 3, got 4"):
        wilson(4, 3)
    with pytest.raises(ValueError, match="`runs` must be at least 1"):
        wilson(0, 0)
