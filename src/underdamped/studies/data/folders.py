"""Images in a folder or archive laid out ``train/<class>/*``, ``test/<class>/*``: decoded once, then memory-mapped."""

import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from underdamped import _checks
from underdamped.studies.data.folder_layout import Layout, read_image, survey, unreadable, visible
from underdamped.studies.data.image_cache import cache_path, new_cache, open_cache
from underdamped.studies.data.image_data import ImageData
from underdamped.studies.data.progress import progress_bar
from underdamped.studies.data.sources import fingerprint

BATCH = 512  # files in memory at a time while decoding


def load_folder(source: Path, cache_dir: Path, *, image_size: int | None = None) -> ImageData:
    r"""Images of a folder or archive laid out ``train/<class>/*``, ``test/<class>/*``, maybe below one top folder.

    Classes are numbered by name, and images follow each other by class and file name, so the arrays depend on nothing
    but the files. Hidden files and files without the suffix of an image are passed over. All images become grey if all
    are grey, else RGB; transparency is dropped.

    The first call looks at every image's header, decodes every image and writes the arrays to ``cache_dir``; later
    calls map those files. A source whose size or time of change differs is decoded again. Anything in ``cache_dir``
    may be removed when it is not in use.

    Args:
        source: the folder or archive.
        cache_dir: where decoded images are kept; created if need be.
        image_size: side in pixels to which images are scaled and centre-cropped. By default they are taken as they are,
            and must share one size.

    Returns:
        The images, memory-mapped read-only.

    Raises:
        ValueError: If the layout is not as above, an image cannot be decoded, or sizes differ; the message
            names the file.
        OSError: If ``cache_dir`` cannot be written.
    """
    if image_size is not None and image_size < 1:
        raise _checks.fail("image_size", "at least 1", image_size, "it is the side of the images in pixels")
    path = cache_path(cache_dir, source, fingerprint(source), image_size)
    if not path.is_dir():
        layout = survey(source, image_size)
        with new_cache(path, layout.classes, layout.labels, layout.image_shape) as rows:
            for (split, row), image in _decode(source, layout):
                rows[split][row] = image
    return open_cache(path)


def _decode(source: Path, layout: Layout) -> Iterator[tuple[tuple[str, int], NDArray[np.uint8]]]:
    """Every image with its place. The source is read in one thread (archives are streams) and decoded in several."""

    def decode(path: PurePosixPath, content: bytes) -> NDArray[np.uint8]:
        try:
            return _pixels(content, layout.image_shape)
        except Exception as error:  # Pillow's decoders raise many types for damaged files
            raise unreadable(source, path, error) from error

    missing = set(layout.rows)
    wanted = ((entry.path, read_image(source, entry)) for entry in visible(source) if entry.path in layout.rows)
    bar = progress_bar(f"decoding {source.name}", total=len(layout.rows))
    with bar as advance, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        while batch := list(islice(wanted, BATCH)):
            for (path, _), image in zip(batch, pool.map(decode, *zip(*batch, strict=True)), strict=True):
                missing.discard(path)
                yield layout.rows[path], image
            advance(len(batch))
    if missing:
        raise ValueError(f"{source} changed while it was read ({min(missing)} is gone): load it again.")


def _pixels(content: bytes, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    height, width, channels = shape
    with Image.open(io.BytesIO(content)) as image:
        pixels = image.convert("L" if channels == 1 else "RGB")
    if pixels.size != (width, height):
        pixels = ImageOps.fit(pixels, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(pixels).reshape(shape)
