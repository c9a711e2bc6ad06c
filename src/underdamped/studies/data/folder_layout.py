"""What an image folder or archive holds, known and found sound before anything is decoded."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from underdamped.studies.data.image_cache import SPLITS
from underdamped.studies.data.progress import progress_bar
from underdamped.studies.data.sources import Entry, entries

_SPLITS = frozenset(SPLITS)
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr", "LAB", "HSV", "RGBX", "RGBa")


@dataclass(frozen=True)
class Layout:
    """What a source holds, known before anything is decoded.

    Args:
        classes: class names, sorted.
        rows: for each file its split and its row there.
        labels: for each split, the label of each row.
        image_shape: $(H, W, C)$ of every decoded image.
    """

    classes: tuple[str, ...]
    rows: dict[PurePosixPath, tuple[str, int]]
    labels: dict[str, NDArray[np.int64]]
    image_shape: tuple[int, int, int]


def survey(source: Path, image_size: int | None) -> Layout:
    """Read the header of every image, and refuse now what could not become an array later.

    Args:
        source: folder or archive.
        image_size: side to which images will be scaled; if None they must share one size.

    Returns:
        The layout.

    Raises:
        ValueError: If the folders, the files or their sizes are not as they must be; the message names the culprit.
    """
    folders: set[PurePosixPath] = set()
    headers: dict[PurePosixPath, _Header] = {}
    with progress_bar(f"looking at {source.name}", total=None) as advance:
        for entry in visible(source):
            folders.update(entry.path.parents)
            if entry.is_folder:
                folders.add(entry.path)
            elif _is_image(entry.path) and not _SPLITS.isdisjoint(entry.path.parts[:2]):
                headers[entry.path] = _header(source, entry)
                advance(1)
    files = _sort_into_classes(source, _root(source, folders), folders, headers)
    order = {split: list(chain.from_iterable(files[split].values())) for split in SPLITS}
    used = {path: headers[path] for split in SPLITS for path in order[split]}
    width, height = _common_size(source, used) if image_size is None else (image_size, image_size)
    return Layout(
        classes=tuple(files["train"]),
        rows={path: (split, row) for split in SPLITS for row, path in enumerate(order[split])},
        labels={
            split: np.repeat(np.arange(len(files[split])), [len(group) for group in files[split].values()])
            for split in SPLITS
        },
        image_shape=(height, width, 1 if all(header.is_grey for header in used.values()) else 3),
    )


def visible(source: Path) -> Iterator[Entry]:
    """Entries without the hidden ones that systems leave behind (.DS_Store, __MACOSX)."""
    for entry in entries(source):
        if not any(part.startswith((".", "__MACOSX")) for part in entry.path.parts):
            yield entry


def _is_image(path: PurePosixPath) -> bool:
    return Image.registered_extensions().get(path.suffix.lower()) in Image.OPEN


def _root(source: Path, folders: set[PurePosixPath]) -> PurePosixPath:
    """The folder that holds train and test: the source itself or one folder in it."""
    roots = [path for path in folders if len(path.parts) <= 1 and all(path / split in folders for split in SPLITS)]
    if PurePosixPath() in roots:
        return PurePosixPath()
    if len(roots) == 1:
        return roots[0]
    top = sorted(str(path) for path in folders if len(path.parts) == 1)
    found = f"{len(roots)} folders that hold both" if roots else ", ".join(top[:5]) or "no folder"
    hint = "; for the official CIFAR-10 files give the name cifar10 and their --data-dir" if _is_cifar10(source) else ""
    raise ValueError(
        f"{source} must hold the folders train and test, each with a folder per class; found {found}{hint}."
    )


def _is_cifar10(source: Path) -> bool:
    return any(entry.path.name == "data_batch_1.bin" for entry in entries(source))


def _sort_into_classes(
    source: Path, root: PurePosixPath, folders: set[PurePosixPath], images: Mapping[PurePosixPath, object]
) -> dict[str, dict[str, list[PurePosixPath]]]:
    """For each split, the sorted files of each class, sorted."""
    files: dict[str, dict[str, list[PurePosixPath]]] = {
        split: {path.name: [] for path in sorted(folders) if path.parent == root / split} for split in SPLITS
    }
    for path in sorted((*images, *folders)):
        if path == root or not path.is_relative_to(root):
            continue
        split, *rest = path.relative_to(root).parts
        if split in SPLITS and path in images and len(rest) == 2:
            files[split][rest[0]].append(path)
        elif split in SPLITS and (path in images or len(rest) > 1):
            raise ValueError(
                f"{source}: {path} is out of place: images must lie directly in a class folder, as in "
                f"{root / split / 'class' / 'image.png'}."
            )
    _check_classes(source, root, files)
    return files


def _check_classes(source: Path, root: PurePosixPath, files: dict[str, dict[str, list[PurePosixPath]]]) -> None:
    train, test = (files[split] for split in SPLITS)
    if not train:
        raise ValueError(f"{source}: {root / 'train'} holds no class folder: each class needs one, with its images.")
    for split in SPLITS:
        for name, group in files[split].items():
            if not group:
                raise ValueError(
                    f"{source}: the class folder {root / split / name} holds no image: "
                    f"put images there, or remove the class from train and test."
                )
    if odd := sorted(train.keys() ^ test.keys()):
        where, lacks = SPLITS if odd[0] in train else SPLITS[::-1]
        more = f" (and {len(odd) - 1} more differ)" if len(odd) > 1 else ""
        raise ValueError(
            f"{source}: train and test must hold the same classes, but {odd[0]!r} is in {where} and not in "
            f"{lacks}{more}: add the folder or remove it."
        )


class _Header(NamedTuple):
    """What an image says of itself before it is decoded."""

    size: tuple[int, int]  # width, height
    is_grey: bool


def _header(source: Path, entry: Entry) -> _Header:
    content = read_image(source, entry)
    try:
        with Image.open(io.BytesIO(content)) as image:
            size, mode = image.size, image.mode
    except Exception as error:  # Pillow's readers raise many types for damaged files
        raise unreadable(source, entry.path, error) from error
    if mode not in GREY_MODES + COLOUR_MODES:
        raise ValueError(
            f"{source}: {entry.path} has pixels of Pillow's mode {mode!r}, which do not fit 8 bits: "
            f"convert the images to 8-bit grey or RGB."
        )
    return _Header(size, mode in GREY_MODES)


def _common_size(source: Path, headers: dict[PurePosixPath, _Header]) -> tuple[int, int]:
    """The (width, height) that all images share."""
    ((usual, count),) = Counter(header.size for header in headers.values()).most_common(1)
    for path, header in headers.items():
        if header.size != usual:
            raise ValueError(
                f"{source}: images must share one size, but {path} is {header.size[0]}x{header.size[1]} and "
                f"{count:,} of {len(headers):,} are {usual[0]}x{usual[1]}: give image_size={min(usual)} to scale and "
                f"crop all of them to a square, or resize them."
            )
    return usual


def read_image(source: Path, entry: Entry) -> bytes:
    """The bytes of a file, or an error that names it."""
    try:
        return entry.read()
    except OSError as error:
        raise unreadable(source, entry.path, error) from error


def unreadable(source: Path, path: PurePosixPath, error: Exception) -> ValueError:
    """The error for an image that cannot be read or decoded."""
    cause = "it is not an image, or cut off" if isinstance(error, UnidentifiedImageError) else error
    return ValueError(f"{source}: the image {path} cannot be read ({cause}): replace or remove the file.")
