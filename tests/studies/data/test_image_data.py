"""Subsets keep the proportions of the classes; arrays that do not fit together are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underdamped.studies.data.image_data import ImageData


def numbered(labels) -> ImageData:
    """Images that carry their row number, so that rows can be told apart after a cut."""
    labels = np.asarray(labels, np.int64)
    rows = np.arange(len(labels), dtype=np.uint16)
    images = rows.view(np.uint8).reshape(-1, 1, 2, 1)
    return ImageData("numbered", tuple("abcdef"), images, labels, images, labels)


def rows(images) -> np.ndarray:
    return np.ascontiguousarray(images).reshape(len(images), 2).view(np.uint16).ravel()


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60),
    st.integers(1, 60),
    st.integers(0, 2**32 - 1),
)
def test_subset_is_stratified_and_keeps_pairs(labels, count, seed):
    data = numbered(labels)
    count = min(count, len(labels))
    cut = data.subset(train_size=count, seed=seed)
    kept = rows(cut.train_images)
    assert len(kept) == count
    assert (np.diff(kept) > 0).all()  # in order, none twice
    np.testing.assert_array_equal(cut.train_labels, data.train_labels[kept])
    # (j + 1/2)/n_c <= t keeps round(t n_c) of each class for one threshold t: within one of the exact share, but for
    # a deficit or surplus of halves that the other classes can add up to
    sizes = np.bincount(labels, minlength=6)
    taken = np.bincount(cut.train_labels, minlength=6)
    present = sizes > 0
    low, high = (taken[present] - 0.5) / sizes[present], (taken[present] + 0.5) / sizes[present]
    assert low.max() <= high.min() + 1e-12  # one threshold explains all
    np.testing.assert_array_equal(cut.test_labels, data.test_labels)


def test_balanced_classes_stay_balanced():
    data = numbered(np.tile(np.arange(6), 50))
    cut = data.subset(train_size=120, test_size=6, seed=1)
    assert np.bincount(cut.train_labels).tolist() == [20] * 6
    assert np.bincount(cut.test_labels).tolist() == [1] * 6


def test_larger_subset_contains_smaller():
    data = numbered(np.random.default_rng(0).integers(0, 6, 300))
    kept = [set(rows(data.subset(train_size=count, seed=5).train_images)) for count in (10, 11, 50, 300)]
    assert kept[0] < kept[1] < kept[2] < kept[3]


def test_seed_decides():
    data = numbered(np.tile(np.arange(6), 50))
    first, again, other = (rows(data.subset(train_size=60, seed=seed).train_images) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    both = data.subset(train_size=60, test_size=60, seed=3)
    assert (rows(both.train_images) != rows(both.test_images)).any()


def test_none_is_all():
    data = numbered([0, 1, 2])
    assert data.subset() is data


@pytest.mark.parametrize("count", [0, -1, 4])
def test_impossible_subset(count):
    with pytest.raises(ValueError, match=r"`train_size` must be in 1\.\.3, got"):
        numbered([0, 1, 2]).subset(train_size=count)


GOOD = {
    "train_images": np.zeros((2, 4, 4, 3), np.uint8),
    "train_labels": np.zeros(2, np.int64),
    "test_images": np.zeros((1, 4, 4, 3), np.uint8),
    "test_labels": np.zeros(1, np.int64),
}


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("train_images", np.zeros((2, 4, 4, 3), np.float32)),
        ("train_images", np.zeros((2, 3, 4, 4), np.uint8)),  # channels first
        ("train_images", np.zeros((2, 4, 4), np.uint8)),
        ("train_labels", np.zeros(3, np.int64)),
        ("train_labels", np.zeros(2, np.int32)),
        ("test_labels", np.array([1])),
        ("test_labels", np.array([-1])),
        ("test_images", np.zeros((1, 5, 4, 3), np.uint8)),
    ],
)
def test_arrays_that_do_not_fit(argument, value):
    ImageData("blank", ("a",), **GOOD)
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        ImageData("blank", ("a",), **GOOD | {argument: value})
