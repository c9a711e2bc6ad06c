"""Batches as the paper trains on them: shuffled, flipped, cropped, normalized, prepared ahead of their use."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from underdamped import _checks
from underdamped.studies.training.streams import Purpose, stream

Item = TypeVar("Item")


@dataclass(frozen=True)
class Augmentation:
    """A random crop of the image with a black border, and a random mirror image.

    Args:
        flip: Mirror left and right with probability 1/2. Wrong for digits and letters, which are not themselves in a
            mirror.
        padding: Width of the border, in pixels, >= 0; crops are shifted by up to as much in each direction.

    Raises:
        ValueError: If ``padding`` is negative.
    """

    flip: bool = True
    padding: int = 4

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise _checks.fail("padding", "non-negative", self.padding, "0 leaves the images where they are")


@dataclass(frozen=True)
class Views:
    """How each image of a batch is looked at, arrays of shape (batch,).

    Attributes:
        top: first row of the crop in the padded image.
        left: first column of the crop.
        flip: whether the crop is mirrored.
    """

    top: np.ndarray
    left: np.ndarray
    flip: np.ndarray

    def share(self, part: slice) -> "Views":
        """The views of a part of the batch."""
        return Views(self.top[part], self.left[part], self.flip[part])


def draw_views(batch_size: int, augmentation: Augmentation, generator: np.random.Generator) -> Views:
    """Independent uniform views of ``batch_size`` images."""
    top, left = generator.integers(0, 2 * augmentation.padding, size=(2, batch_size), endpoint=True)
    flip = generator.random(batch_size) < 0.5 * augmentation.flip
    return Views(top, left, flip)


def look(images: np.ndarray, views: Views, padding: int) -> np.ndarray:
    """The images as seen in ``views``, all in one gather.

    Args:
        images: uint8, shape (batch, height, width, channels).
        views: one for each image.
        padding: width of the black border, in pixels.

    Returns:
        uint8, the shape of ``images``.

    Example:
        >>> image = np.array([[1, 2], [3, 4]], dtype=np.uint8).reshape(1, 2, 2, 1)
        >>> mirrored = Views(np.array([1]), np.array([1]), np.array([True]))
        >>> look(image, mirrored, padding=1)[0, :, :, 0].tolist()
        [[2, 1], [4, 3]]
        >>> shifted = Views(np.array([0]), np.array([1]), np.array([False]))
        >>> look(image, shifted, padding=1)[0, :, :, 0].tolist()
        [[0, 0], [1, 2]]
    """
    number, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows = views.top[:, None] + np.arange(height)
    columns = views.left[:, None] + np.where(views.flip[:, None], np.arange(width)[::-1], np.arange(width))
    return padded[np.arange(number)[:, None, None], rows[:, :, None], columns[:, None, :]]


def batches(
    images: np.ndarray,
    labels: np.ndarray,
    augmentation: Augmentation,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    num_ranks: int = 1,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One epoch of augmented batches, drawn without replacement.

    The order depends on (seed, epoch) alone, the views on (seed, epoch, batch) alone, and a rank's share of a batch is
    every ``num_ranks``-th image: the global batches are the same for any number of ranks. Images left over after the
    last full batch sit out this epoch (others the next), so that every step sees ``batch_size`` images.

    Args:
        images: uint8, shape (N, height, width, channels); may be memory-mapped.
        labels: shape (N,).
        augmentation: what is done to them.
        batch_size: images in a global batch, in [1, N].
        seed: of the run.
        epoch: counted from 1.
        rank: of this process, in [0, num_ranks).
        num_ranks: processes that share each batch.

    Yields:
        This rank's share of each batch: images (batch_size / num_ranks, height, width, channels) and labels.
    """
    order = stream(seed, Purpose.ORDER, epoch).permutation(len(images))
    share = slice(rank, None, num_ranks)
    for number in range(len(images) // batch_size):
        views = draw_views(batch_size, augmentation, stream(seed, Purpose.AUGMENTATION, epoch, number))
        chosen = order[number * batch_size : (number + 1) * batch_size][share]
        yield look(images[chosen], views.share(share), augmentation.padding), labels[chosen]


def prefetch(items: Iterator[Item], depth: int = 2) -> Iterator[Item]:
    """``items`` in their order, the next ``depth`` of them prepared by a background thread meanwhile.

    An exception raised while an item was prepared is raised where that item would have come.

    Args:
        items: Only the background thread touches it.
        depth: Items prepared ahead, >= 1.

    Yields:
        The items.

    Example:
        >>> list(prefetch(iter("abc")))
        ['a', 'b', 'c']
    """
    end = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        pending = deque(thread.submit(next, items, end) for _ in range(depth))
        while (item := pending.popleft().result()) is not end:
            pending.append(thread.submit(next, items, end))
            yield item  # pyright: ignore[reportReturnType]  (the end is not an item)


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of each channel over a training set, in units of the pixel values, as floats."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def channel_statistics(images: np.ndarray, chunk: int = 4096) -> ChannelStatistics:
    """Mean and standard deviation of each channel, from exact counts of the 256 values.

    Args:
        images: uint8, shape (N, height, width, channels); read in chunks, so it may be larger than memory.
        chunk: images read at once; does not change the result.

    Returns:
        The statistics; the deviation of a constant channel is given as 1, so that it normalizes to 0.

    Example:
        >>> channel_statistics(np.array([0, 0, 4, 4], dtype=np.uint8).reshape(4, 1, 1, 1))
        ChannelStatistics(mean=(2.0,), deviation=(2.0,))
    """
    channels = images.shape[-1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start in range(0, len(images), chunk):
        part = np.asarray(images[start : start + chunk])
        for channel in range(channels):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    values = np.arange(256)
    number = counts.sum(axis=1)
    mean = counts @ values / number
    variance = (counts * (values - mean[:, None]) ** 2).sum(axis=1) / number
    deviation = np.where(variance > 0, np.sqrt(variance), 1.0)
    return ChannelStatistics(tuple(mean.tolist()), tuple(deviation.tolist()))


def normalize(images: torch.Tensor, statistics: ChannelStatistics) -> torch.Tensor:
    """Pixels to zero mean and unit deviation, in the memory layout that convolutions prefer.

    Args:
        images: uint8, shape (batch, height, width, channels), on any device.
        statistics: of the training set.

    Returns:
        float32, shape (batch, channels, height, width), channels last in memory.
    """
    mean = torch.tensor(statistics.mean, dtype=torch.float32, device=images.device)
    deviation = torch.tensor(statistics.deviation, dtype=torch.float32, device=images.device)
    return ((images - mean) / deviation).permute(0, 3, 1, 2)
