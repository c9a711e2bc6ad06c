"""Batches without replacement: the right law, and different components."""

import itertools

import numpy as np
import pytest
from scipy import stats

from underdamped.studies.descent.batches import draw_batches


def test_every_subset_is_equally_likely():
    batches = np.sort(draw_batches(np.random.default_rng(1), 5, 2, (20_000,)), axis=1)
    counts = [(batches == pair).all(axis=1).sum() for pair in itertools.combinations(range(5), 2)]
    assert sum(counts) == 20_000
    assert stats.chisquare(counts).pvalue > 1e-3


def test_batches_are_independent():
    first, second = draw_batches(np.random.default_rng(2), 6, 1, (2, 10_000))[..., 0]
    table = np.histogram2d(first, second, bins=6)[0]
    assert stats.chi2_contingency(table).pvalue > 1e-3


@pytest.mark.parametrize("batch_size", [1, 4, 7])
def test_components_of_a_batch_differ(batch_size):
    batches = draw_batches(np.random.default_rng(0), 7, batch_size, (30, 4))
    assert batches.shape == (30, 4, batch_size)
    assert all(len(set(batch)) == batch_size for batch in batches.reshape(-1, batch_size))


def test_larger_than_the_population_is_refused():
    with pytest.raises(ValueError, match="`batch_size` must be from 1 to 3, got 4"):
        draw_batches(np.random.default_rng(0), 3, 4, (1,))
