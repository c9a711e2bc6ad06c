"""Labelled images as arrays: what every data source becomes and every study reads."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from underdamped import _checks


@dataclass(frozen=True, eq=False)
class ImageData:
    r"""Training and test images with their labels, on the CPU, as they were stored.

    Images may be memory-mapped read-only files: index them (``data.train_images[rows]`` copies those rows) rather than
    hand the whole array to code that writes, and scale to floats per batch, not here.

    Args:
        name: what the data set is called in records and reports.
        classes: class names; the label $k$ means ``classes[k]``.
        train_images: uint8, shape $(N, H, W, C)$ with $C = 1$ (grey) or $3$ (RGB).
        train_labels: int64, shape $(N,)$, in $0, \dots, K-1$.
        test_images: uint8, shape $(M, H, W, C)$, the same $H, W, C$.
        test_labels: int64, shape $(M,)$.

    Raises:
        ValueError: If shapes or types do not fit together.

    Example:
        >>> images = np.zeros((3, 8, 8, 1), np.uint8)
        >>> data = ImageData("blank", ("a", "b"), images, np.array([0, 1, 1]), images[:1], np.array([0]))
        >>> data.num_classes, data.image_shape
        (2, (8, 8, 1))
    """

    name: str
    classes: tuple[str, ...]
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        for split, images, labels in (
            ("train", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
                given = f"{images.dtype} of shape {images.shape}"
                raise _checks.fail(
                    f"{split}_images", "uint8 of shape (N, H, W, 1 or 3)", given, "floats come per batch"
                )
            if labels.shape != images.shape[:1] or labels.dtype != np.int64:
                given = f"{labels.dtype} of shape {labels.shape}"
                raise _checks.fail(f"{split}_labels", f"int64 of shape {images.shape[:1]}", given, "one label an image")
            if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
                given = f"{labels.min()} to {labels.max()}"
                raise _checks.fail(f"{split}_labels", f"in [0, {self.num_classes})", given, "they index `classes`")
        if self.test_images.shape[1:] != self.image_shape:
            given = self.test_images.shape[1:]
            raise _checks.fail(
                "test_images", f"of shape {self.image_shape}", given, "they must look like training images"
            )

    @property
    def num_classes(self) -> int:
        """Number of classes $K$."""
        return len(self.classes)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape $(H, W, C)$ of one image."""
        height, width, channels = self.train_images.shape[1:]
        return height, width, channels

    def subset(self, train_size: int | None = None, test_size: int | None = None, seed: int = 0) -> "ImageData":
        r"""Fewer images in the same proportions of classes, drawn without replacement.

        Each class is shuffled; the $j$-th of its $n_c$ images gets the rank $(j + 1/2)/n_c$, and the lowest ranks are
        kept. So a class that holds the share $n_c/N$ of the images keeps that share to within one image, and the same
        seed with a larger number keeps everything it kept before. The original order is preserved.

        Args:
            train_size: how many training images, in $1, \dots, N$; all by default.
            test_size: how many test images, in $1, \dots, M$; all by default.
            seed: of the draw; training and test images are drawn independently.

        Returns:
            The smaller data set, copied into memory where it was cut.

        Raises:
            ValueError: If more images are asked for than there are, or none.

        Example:
            >>> images = np.zeros((6, 8, 8, 1), np.uint8)
            >>> labels = np.array([0, 0, 0, 0, 1, 1])
            >>> data = ImageData("blank", ("a", "b"), images, labels, images, labels)
            >>> data.subset(train_size=3).train_labels
            array([0, 0, 1])
        """
        smaller = self
        if train_size is not None:
            rows = _stratified_rows(self.train_labels, train_size, "train_size", (seed, 0))
            smaller = replace(smaller, train_images=self.train_images[rows], train_labels=self.train_labels[rows])
        if test_size is not None:
            rows = _stratified_rows(self.test_labels, test_size, "test_size", (seed, 1))
            smaller = replace(smaller, test_images=self.test_images[rows], test_labels=self.test_labels[rows])
        return smaller


def _stratified_rows(labels: NDArray[np.int64], count: int, argument: str, seed: tuple[int, int]) -> NDArray[np.int64]:
    """Sorted rows of ``count`` labels, with the classes in proportion."""
    if not 1 <= count <= len(labels):
        raise _checks.fail(argument, f"in 1..{len(labels)}", count, "that is how many images there are; None takes all")
    rng = np.random.default_rng(seed)
    ranks = np.empty(len(labels))
    for label in np.unique(labels):
        (members,) = np.nonzero(labels == label)
        ranks[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    ties = rng.random(len(labels))
    return np.sort(np.lexsort((ties, ranks))[:count])
