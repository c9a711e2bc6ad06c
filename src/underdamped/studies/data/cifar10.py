"""CIFAR-10 in its official binary form: 60,000 colour photographs of 32 by 32 pixels in ten classes."""

import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from underdamped.studies.data.downloads import Download, fetch_file, is_intact
from underdamped.studies.data.image_data import ImageData

FOLDER = "cifar-10-batches-bin"
TRAIN_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST_FILE = "test_batch.bin"
CLASSES_FILE = "batches.meta.txt"
SHAPE = (3, 32, 32)  # of a record: channels first, rows from the top
RECORD = 1 + 3 * 32 * 32  # bytes: the label, then the pixels


@dataclass(frozen=True)
class Distribution:
    """Where the archive comes from, and what must be in it.

    Args:
        download: the archive.
        records: images in each of the six files.
    """

    download: Download
    records: int = 10_000


# The first server is the author's, and the checksum is the one he publishes. The others are copies of the same file
# kept for the tests of Swift for TensorFlow's datasets and for the MindSpore tutorials; whatever they serve is used
# only if it has the author's checksum. None of the three could be reached from where this list was written.
OFFICIAL = Distribution(
    Download(
        filename="cifar-10-binary.tar.gz",
        urls=(
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
            "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/cifar-10-binary.tar.gz",
        ),
        md5="c32a1d4ab5d03f1284b67883e8d87530",
    )
)


def fetch_cifar10(data_dir: Path, distribution: Distribution = OFFICIAL) -> Path:
    """The extracted folder if ``data_dir`` holds it, else the archive, downloaded if need be.

    Args:
        data_dir: where data sets live.
        distribution: the archive; the official one by default.

    Returns:
        Path of the folder ``cifar-10-batches-bin`` or of the archive.

    Raises:
        ConnectionError: If no mirror gave the archive.
        OSError: If ``data_dir`` cannot be written.
    """
    folder = data_dir / FOLDER
    return folder if folder.is_dir() else fetch_file(distribution.download, data_dir)


def load_cifar10(data_dir: Path, *, offline: bool = False, distribution: Distribution = OFFICIAL) -> ImageData:
    r"""CIFAR-10 from its official files.

    The archive is read without unpacking it. Pixels are stored channels first and returned channels last. The extracted
    folder, if there, is believed (only sizes and labels are checked: no checksums of single files are published); the
    archive is checked against its checksum each time.

    Args:
        data_dir: folder that holds ``cifar-10-batches-bin`` or ``cifar-10-binary.tar.gz``, or will.
        offline: never download.
        distribution: the archive; the official one by default.

    Returns:
        50,000 training and 10,000 test images of shape $(32, 32, 3)$.

    Raises:
        FileNotFoundError: If ``offline`` and neither is there, or a file of the folder or archive is missing.
        ConnectionError: If no mirror gave the archive.
        ValueError: If a file is truncated or damaged; the message names it.

    References:
        Krizhevsky, "Learning multiple layers of features from tiny images" (2009).
    """
    folder, archive = data_dir / FOLDER, data_dir / distribution.download.filename
    if folder.is_dir():
        return _read(lambda name: (folder / name).read_bytes(), folder, distribution.records)
    if not offline:
        fetch_file(distribution.download, data_dir)
    elif not archive.exists():
        raise FileNotFoundError(
            f"cifar10 is not in {data_dir} and offline use was asked for: run `underdamped data fetch cifar10` where "
            f"there is a network, put the archive at {archive}, or give the --data-dir that holds it."
        )
    elif not is_intact(archive, distribution.download):
        raise ValueError(
            f"{archive} has the wrong checksum (its md5 is not {distribution.download.md5}) and is not used: "
            f"run `underdamped data fetch cifar10`, which keeps it aside and downloads it again."
        )
    files = _unpack(archive)
    return _read(lambda name: files[name], archive, distribution.records)


def _unpack(archive: Path) -> dict[str, bytes]:
    """The files of the archive by name, in memory."""
    with tarfile.open(archive, "r|*") as tar:
        wanted = {f"{FOLDER}/{name}": name for name in (*TRAIN_FILES, TEST_FILE, CLASSES_FILE)}
        return {
            wanted[member.name]: content.read()
            for member in tar
            if member.name in wanted and (content := tar.extractfile(member)) is not None
        }


def _read(read: Callable[[str], bytes], source: Path, records: int) -> ImageData:
    def get(name: str) -> bytes:
        try:
            return read(name)
        except (KeyError, FileNotFoundError):
            raise FileNotFoundError(
                f"{source} lacks {name}: extract the archive again, or remove the folder and run "
                f"`underdamped data fetch cifar10`."
            ) from None

    classes = tuple(get(CLASSES_FILE).decode("ascii").split())
    train = [_parse(get(name), source / name, records, len(classes)) for name in TRAIN_FILES]
    test_images, test_labels = _parse(get(TEST_FILE), source / TEST_FILE, records, len(classes))
    train_images, train_labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return ImageData("cifar10", classes, train_images, train_labels, test_images, test_labels)


def _parse(content: bytes, path: Path, records: int, num_classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (N, H, W, C) and labels of one file."""
    if len(content) != records * RECORD:
        raise ValueError(
            f"{path} is truncated or damaged: it holds {len(content):,} bytes, not {records:,} records of {RECORD:,}. "
            f"Remove it and run `underdamped data fetch cifar10`."
        )
    table = np.frombuffer(content, np.uint8).reshape(records, RECORD)
    labels = table[:, 0].astype(np.int64)
    if labels.max() >= num_classes:
        raise ValueError(
            f"{path} is damaged: record {labels.argmax()} has the label {labels.max()}, "
            f"there are {num_classes} classes. Remove it and run `underdamped data fetch cifar10`."
        )
    images = table[:, 1:].reshape(records, *SHAPE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), labels
