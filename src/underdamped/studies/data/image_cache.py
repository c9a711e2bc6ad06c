"""Decoded images on disk: NumPy files written once, all or nothing, and memory-mapped ever after."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from underdamped.studies.data.image_data import ImageData

FORMAT = 1  # raise it when what is stored changes meaning: older caches are then left alone
SPLITS = ("train", "test")


def cache_path(cache_dir: Path, source: Path, fingerprint: str, image_size: int | None) -> Path:
    """Where the images of ``source``, as it is now and decoded in this way, belong."""
    identity = f"{FORMAT}\n{source.resolve()}\n{image_size}\n{fingerprint}"
    return cache_dir / f"{source.name}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def open_cache(path: Path) -> ImageData:
    """The images of a finished cache, memory-mapped read-only.

    Args:
        path: as ``cache_path`` gives it.

    Returns:
        The images; only the labels are in memory.

    Raises:
        ValueError: If the files are damaged; the message says which folder to remove.
    """
    try:
        about = json.loads((path / "about.json").read_text(encoding="utf-8"))
        images = {split: np.load(path / f"{split}_images.npy", mmap_mode="r") for split in SPLITS}
        labels = {split: np.load(path / f"{split}_labels.npy") for split in SPLITS}
        return ImageData(
            about["name"], tuple(about["classes"]), images["train"], labels["train"], images["test"], labels["test"]
        )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise ValueError(f"The image cache {path} is damaged ({error}): remove it, and it is made again.") from error


@contextmanager
def new_cache(
    path: Path, classes: tuple[str, ...], labels: Mapping[str, NDArray[np.int64]], image_shape: tuple[int, int, int]
) -> Iterator[dict[str, "RowWriter"]]:
    """Write a cache that is either whole or absent, whatever happens in between.

    Args:
        path: as ``cache_path`` gives it. Two processes may make the same one: the first to finish wins.
        classes: class names.
        labels: of each split.
        image_shape: $(H, W, C)$ of every image.

    Yields:
        For each split, what takes its images: ``rows[split][row] = image``, in any order, each row once.

    Raises:
        OSError: If the disk is too small (seen before any image is asked for) or may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            _check_space(partial, sum(map(len, labels.values())) * int(np.prod(image_shape)))
            with _synced(partial / "about.json") as file:
                file.write(json.dumps({"name": path.name.rpartition("-")[0], "classes": classes}).encode())
            for split in SPLITS:
                with _synced(partial / f"{split}_labels.npy") as file:
                    np.save(file, labels[split])
            with ExitStack() as stack:
                files = {split: stack.enter_context(_synced(partial / f"{split}_images.npy")) for split in SPLITS}
                yield {split: RowWriter(file, (len(labels[split]), *image_shape)) for split, file in files.items()}
            _publish(partial, path)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:  # those of reading images are ValueErrors by then
        raise OSError(
            f"Decoded images cannot be written to {path.parent}: {error.strerror or error}. "
            f"Free some space, or give another --data-dir (or set UNDERDAMPED_DATA)."
        ) from error


class RowWriter:
    """Writes rows of an image file by ``write``, not through a memory map: there a full disk kills the process."""

    def __init__(self, file: BinaryIO, shape: tuple[int, ...]) -> None:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        self._file = file
        self._start = file.tell()
        self._row_bytes = int(np.prod(shape[1:]))

    def __setitem__(self, row: int, image: NDArray[np.uint8]) -> None:
        self._file.seek(self._start + row * self._row_bytes)
        self._file.write(image.tobytes())


def _check_space(folder: Path, num_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise OSError(errno.ENOSPC, f"{num_bytes / 1e6:,.1f} MB are needed, {free / 1e6:,.1f} MB are free")


@contextmanager
def _synced(path: Path) -> Iterator[BinaryIO]:
    """A new binary file that has reached the disk when the block ends."""
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _publish(partial: Path, path: Path) -> None:
    try:
        os.rename(partial, path)
    except OSError:
        if not path.is_dir():  # otherwise another process was faster, with the same images
            raise
