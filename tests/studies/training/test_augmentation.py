"""Augmentation against plain loops, its distributions, and what batches may depend on."""

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from underdamped.studies.training.augmentation import (
    Augmentation,
    Views,
    batches,
    channel_statistics,
    draw_views,
    look,
    normalize,
    prefetch,
)


@given(
    seed=st.integers(0, 1000),
    shape=st.tuples(st.integers(1, 6), st.integers(2, 9), st.integers(2, 9), st.sampled_from([1, 3])),
    padding=st.integers(0, 5),
)
def test_one_gather_equals_pad_slice_and_mirror(seed, shape, padding):
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 256, shape, dtype=np.uint8)
    views = draw_views(len(images), Augmentation(flip=True, padding=padding), generator)
    seen = look(images, views, padding)
    assert seen.dtype == np.uint8
    height, width = shape[1:3]
    for image, top, left, flip, result in zip(images, views.top, views.left, views.flip, seen, strict=True):
        padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
        crop = padded[top : top + height, left : left + width]
        assert np.array_equal(result, crop[:, ::-1] if flip else crop)


def test_views_are_uniform_and_independent():
    views = draw_views(100_000, Augmentation(flip=True, padding=1), np.random.default_rng(0))
    cell = (views.top * 3 + views.left) * 2 + views.flip
    assert chisquare(np.bincount(cell, minlength=18)).pvalue > 1e-3


def test_digits_need_no_mirror():
    assert not draw_views(1000, Augmentation(flip=False, padding=1), np.random.default_rng(0)).flip.any()


def test_negative_padding_is_refused():
    with pytest.raises(ValueError, match="`padding` must be non-negative, got -1"):
        Augmentation(padding=-1)


IMAGES = np.arange(23 * 4 * 4, dtype=np.uint16).astype(np.uint8).reshape(23, 4, 4, 1)
LABELS = np.arange(23)
PLAIN = Augmentation(flip=False, padding=0)


def epoch_of(augmentation=PLAIN, **options):
    return list(batches(IMAGES, LABELS, augmentation, **({"batch_size": 6, "seed": 3, "epoch": 1} | options)))


def test_an_epoch_is_drawn_without_replacement_in_full_batches():
    epoch = epoch_of()
    assert [len(labels) for _, labels in epoch] == [6, 6, 6]
    seen = np.concatenate([labels for _, labels in epoch])
    assert len(set(seen)) == 18
    for images, labels in epoch:
        assert np.array_equal(images, IMAGES[labels])


def test_every_image_is_left_out_equally_often():
    left_out = np.zeros(23)
    for epoch in range(2000):
        seen = np.concatenate([labels for _, labels in epoch_of(epoch=epoch)])
        left_out[np.setdiff1d(LABELS, seen)] += 1
    assert chisquare(left_out).pvalue > 1e-3


def test_batches_depend_on_seed_and_epoch_and_nothing_else():
    strong = Augmentation(flip=True, padding=2)
    for first, again in zip(epoch_of(strong), epoch_of(strong), strict=True):
        assert np.array_equal(first[0], again[0])
    first = epoch_of(strong)[0]
    for other in ({"seed": 4}, {"epoch": 2}):
        assert not np.array_equal(first[1], epoch_of(strong, **other)[0][1])


@pytest.mark.parametrize("num_ranks", [2, 3])
def test_ranks_share_the_same_global_batches(num_ranks):
    strong = Augmentation(flip=True, padding=2)
    shares = [epoch_of(strong, rank=rank, num_ranks=num_ranks) for rank in range(num_ranks)]
    for number, (images, labels) in enumerate(epoch_of(strong)):
        for rank in range(num_ranks):
            assert np.array_equal(shares[rank][number][0], images[rank::num_ranks])
            assert np.array_equal(shares[rank][number][1], labels[rank::num_ranks])


def test_prefetching_keeps_order_and_works_elsewhere():
    threads = []

    def items():
        for number in range(20):
            threads.append(threading.current_thread())
            yield number

    assert list(prefetch(items(), depth=3)) == list(range(20))
    assert len(set(threads)) == 1
    assert threading.current_thread() not in threads


def test_prefetching_prepares_ahead_but_not_more_than_asked():
    begun = threading.Semaphore(0)
    number_begun = 0

    def items():
        nonlocal number_begun
        for number in range(20):
            number_begun += 1
            begun.release()
            yield number

    ahead = prefetch(items(), depth=2)
    assert next(ahead) == 0
    for _ in range(3):  # the one in hand and the two ahead
        assert begun.acquire(timeout=10)
    assert not begun.acquire(timeout=0.1)
    assert number_begun == 3
    ahead.close()


def test_errors_while_preparing_arrive_in_their_place():
    def items():
        yield 1
        raise OSError("disk gone")

    ahead = prefetch(items())
    assert next(ahead) == 1
    with pytest.raises(OSError, match="disk gone"):
        next(ahead)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_statistics_are_numpys(chunk):
    images = np.random.default_rng(0).integers(0, 256, (50, 5, 6, 3), dtype=np.uint8)
    statistics = channel_statistics(images, chunk)
    np.testing.assert_allclose(statistics.mean, images.mean(axis=(0, 1, 2)), rtol=1e-13)
    np.testing.assert_allclose(statistics.deviation, images.std(axis=(0, 1, 2)), rtol=1e-13)


def test_normalized_pixels_have_mean_0_and_deviation_1():
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 9, 3), dtype=np.uint8)
    inputs = normalize(torch.from_numpy(images), channel_statistics(images))
    assert inputs.shape == (50, 3, 8, 9)
    assert inputs.dtype == torch.float32
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert inputs.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    assert (inputs.std(dim=(0, 2, 3), correction=0) - 1).abs().max() < 1e-5


def test_a_constant_channel_becomes_0():
    images = np.full((4, 8, 8, 1), 9, dtype=np.uint8)
    assert not normalize(torch.from_numpy(images), channel_statistics(images)).any()


def test_a_share_of_views_is_that_share():
    views = Views(np.arange(5), np.arange(5) + 10, np.arange(5) % 2 == 0)
    assert views.share(slice(1, None, 2)).left.tolist() == [11, 13]
