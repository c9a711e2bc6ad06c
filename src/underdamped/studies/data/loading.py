"""Where the images studies get their data: by name, or from any folder or archive of images."""

import os
from pathlib import Path

import numpy as np

from underdamped import _checks
from underdamped.studies.data.image_data import ImageData

__all__ = ["NAMES", "ImageData", "default_data_dir", "fetch", "load_digits", "load_images"]

NAMES = ("digits", "cifar10")


def default_data_dir() -> Path:
    """Where data sets and decoded images are kept: the variable ``UNDERDAMPED_DATA``, else the user's cache folder.

    Example:
        >>> from unittest.mock import patch
        >>> with patch.dict("os.environ", UNDERDAMPED_DATA="/scratch/data"):
        ...     default_data_dir().as_posix()
        '/scratch/data'
    """
    import pooch

    return Path(os.environ.get("UNDERDAMPED_DATA") or pooch.os_cache("underdamped")).expanduser()


def load_images(
    data: str, data_dir: Path | None = None, *, offline: bool = False, image_size: int | None = None
) -> ImageData:
    """Images by name, or from a folder or archive.

    A known name wins over a folder of the same name: write ``./digits`` for the folder.

    Args:
        data: ``"digits"``; ``"cifar10"``, the official files, downloaded unless ``data_dir`` holds them; or the path of
            a folder or archive (tar, tar.gz, tar.xz, zip) laid out ``train/<class>/*``, ``test/<class>/*``.
        data_dir: where data sets and decoded images are kept; ``default_data_dir()`` by default.
        offline: never use the network.
        image_size: side in pixels to which the images of a folder or archive are scaled and cropped; by default they
            are taken as they are.

    Returns:
        The images; those of a folder or archive are memory-mapped.

    Raises:
        ValueError: If the name is not known, ``image_size`` does not apply, or the data are damaged.
        FileNotFoundError: If the path does not exist, or ``offline`` and the data are not there.
        ConnectionError: If the data cannot be downloaded.
        OSError: If ``data_dir`` cannot be written.

    Example:
        >>> data = load_images("digits")
        >>> data.train_images.shape, data.test_images.shape, data.num_classes
        ((1352, 8, 8, 1), (445, 8, 8, 1), 10)
    """
    name = str(data)
    if name in NAMES and image_size is not None:
        way_out = f"the images of {name} have their size; leave it out"
        raise _checks.fail("image_size", "None for a named data set", image_size, way_out)
    if name == "digits":
        return load_digits()
    folder = Path(data_dir) if data_dir is not None else default_data_dir()
    if name == "cifar10":
        from underdamped.studies.data.cifar10 import load_cifar10

        return load_cifar10(folder, offline=offline)
    return _load_path(name, folder, image_size)


def _load_path(name: str, data_dir: Path, image_size: int | None) -> ImageData:
    from underdamped.studies.data.folders import load_folder
    from underdamped.studies.data.sources import ARCHIVES, is_archive

    source = Path(name).expanduser()
    if source.is_dir() or (source.is_file() and is_archive(source)):
        return load_folder(source, data_dir / "cache", image_size=image_size)
    if source.is_file():
        raise _checks.fail("data", f"an archive of type {', '.join(ARCHIVES)}", name, "pack the images as one of these")
    if len(source.parts) > 1 or is_archive(source):
        raise FileNotFoundError(f"There is no folder or archive {name}: check the path.")
    bound = "a known data set, or the path of a folder or archive that exists"
    raise _checks.fail("data", bound, name, _checks.suggestion(name, NAMES))


def fetch(name: str, data_dir: Path | None = None) -> Path:
    """Download a data set for offline use, and verify its checksum.

    Args:
        name: ``"cifar10"``.
        data_dir: where it goes; ``default_data_dir()`` by default.

    Returns:
        Path of what ``load_images`` will read.

    Raises:
        ValueError: If there is nothing to download under that name.
        ConnectionError: If no mirror gave it; what has arrived is kept, and the next call goes on from there.
        OSError: If ``data_dir`` cannot be written.
    """
    from underdamped.studies.data.cifar10 import fetch_cifar10

    if name == "digits":
        raise _checks.fail("name", "a data set that is downloaded", name, "it comes with scikit-learn; just use it")
    if name != "cifar10":
        raise _checks.fail("name", "a data set that is downloaded", name, _checks.suggestion(name, ["cifar10"]))
    return fetch_cifar10(Path(data_dir) if data_dir is not None else default_data_dir())


def load_digits() -> ImageData:
    r"""The 1,797 handwritten digits bundled with scikit-learn, $8 \times 8$ grey.

    Every fourth image of each digit is a test image: a split in proportion, the same everywhere and for ever, and
    without a random number. The files' 17 grey levels are spread over 0 to 255. Writers of training images also wrote
    test images, so accuracies are not those of the original split by writer.

    Returns:
        The digits, in memory.

    References:
        Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository (1998).
    """
    from sklearn.datasets import load_digits as bundled_digits

    pixels, target = bundled_digits(return_X_y=True)
    images = np.rint(np.asarray(pixels) * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    labels = np.asarray(target, np.int64)
    is_test = np.zeros(len(labels), bool)
    for digit in range(10):
        is_test[np.flatnonzero(labels == digit)[3::4]] = True
    classes = tuple(str(digit) for digit in range(10))
    return ImageData("digits", classes, images[~is_test], labels[~is_test], images[is_test], labels[is_test])
