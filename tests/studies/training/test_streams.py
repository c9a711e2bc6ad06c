"""Streams are functions of their place, and independent."""

import itertools

import pytest
import torch
from scipy.stats import kstest

from underdamped.studies.training.streams import Purpose, stream, torch_seed

PLACES = [(), (0,), (1,), (0, 0), (1, 0), (0, 1), (1, 0, 0)]


def test_streams_of_different_places_differ():
    seeds = [0, 1, 2**32, 2**64]  # seeds beyond 32 bits must not spill into the place
    firsts = [stream(s, p, *place).integers(2**63) for s, p, place in itertools.product(seeds, Purpose, PLACES)]
    assert len(set(firsts)) == len(seeds) * len(Purpose) * len(PLACES)
    torch_seeds = [torch_seed(s, p, *place) for s, p, place in itertools.product(seeds, Purpose, PLACES)]
    assert len(set(torch_seeds)) == len(torch_seeds)


def test_first_draws_over_places_are_uniform():
    """Streams begun at consecutive places must look independent, not only be different."""
    assert kstest([stream(0, Purpose.ORDER, epoch).random() for epoch in range(5000)], "uniform").pvalue > 1e-3


def test_torch_takes_the_seed():
    torch.manual_seed(torch_seed(0, Purpose.WEIGHTS))
    first = torch.rand(3)
    torch.manual_seed(torch_seed(0, Purpose.WEIGHTS))
    assert torch.equal(first, torch.rand(3))


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="non-negative"):
        stream(-1, Purpose.ORDER)
