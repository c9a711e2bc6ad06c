"""What lies in a folder or an archive, one entry after the other, without unpacking anything to disk."""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, NamedTuple

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".zip")
_OPENERS = {
    **dict.fromkeys((".gz", ".tgz"), gzip.open),
    **dict.fromkeys((".xz", ".txz"), lzma.open),
    **dict.fromkeys((".bz2", ".tbz2"), bz2.open),
}
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    OSError,  # what gzip and bz2 raise for damage, and disks for theirs
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,  # zip: a compression this Python lacks
    RuntimeError,  # zip: a password is needed
)
DEPTH = 4  # top folder, split, class, image: nothing of use lies deeper


class Entry(NamedTuple):
    """A file or folder inside a source.

    Attributes:
        path: relative to the source.
        is_folder: whether it is a folder.
        read: gives the file's bytes; in a tar archive only until the next entry is asked for.
    """

    path: PurePosixPath
    is_folder: bool
    read: Callable[[], bytes]


def is_archive(source: Path) -> bool:
    """Whether the name is that of an archive we can read.

    Example:
        >>> is_archive(Path("photos.tar.xz")), is_archive(Path("photos.rar"))
        (True, False)
    """
    return source.name.lower().endswith(ARCHIVES)


def entries(source: Path) -> Iterator[Entry]:
    """Everything in a folder or archive. An archive is read as a stream, in the order it was written.

    Args:
        source: a folder, or an archive with one of the suffixes ``ARCHIVES``.

    Yields:
        Its files and folders. Links inside a folder are followed.

    Raises:
        ValueError: If the archive is damaged, or holds a path that leads out of it, or a link.
    """
    if source.is_dir():
        yield from _folder_entries(source, PurePosixPath(), DEPTH)
        return
    read = _zip_entries if source.name.lower().endswith(".zip") else _tar_entries
    with _damage_named(source):
        yield from read(source)


def fingerprint(source: Path) -> str:
    """A text that changes when the content of ``source`` does: size and time of the archive, or of each file."""
    if source.is_dir():
        files = (entry for entry in _folder_entries(source, PurePosixPath(), DEPTH) if not entry.is_folder)
        return "\n".join(f"{entry.path} {_stamp(source / entry.path)}" for entry in files)
    return _stamp(source)


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:  # a broken link; whoever needs the file will say so
        return "unreadable"
    return f"{status.st_size} {status.st_mtime_ns}"


def _folder_entries(folder: Path, prefix: PurePosixPath, depth: int) -> Iterator[Entry]:
    with os.scandir(folder) as scan:
        found = sorted(scan, key=lambda item: item.name)
    for item in found:
        path = prefix / item.name
        yield Entry(path, item.is_dir(), Path(item.path).read_bytes)
        if item.is_dir() and depth > 1:
            yield from _folder_entries(Path(item.path), path, depth - 1)


def _tar_entries(source: Path) -> Iterator[Entry]:
    # The decompressors of the standard library check their sums and tell a cut file; tarfile's own do neither.
    suffix = source.suffix.lower()
    with ExitStack() as stack:
        stream = _Counted(stack.enter_context(_OPENERS.get(suffix, open)(source, "rb")))
        # reading is all that mode asks of a stream, whatever the annotation says
        tar = stack.enter_context(tarfile.open(fileobj=stream, mode="r|"))  # pyright: ignore
        for member in tar:
            path = _safe(member.name, source)
            if member.issym() or member.islnk():
                raise ValueError(
                    f"{source} holds the link {member.name}, and links are not followed: "
                    f"pack the images themselves (`tar --dereference --hard-dereference`)."
                )
            if member.isdir() or member.isfile():
                yield Entry(path, member.isdir(), partial(_read_member, source, tar, member))
        stream.check_end(tar.offset)


def _read_member(source: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    with _damage_named(source):
        content = tar.extractfile(member)
        return content.read() if content else b""


def _zip_entries(source: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            path = _safe(info.filename, source)
            yield Entry(path, info.is_dir(), partial(_read_zipped, source, archive, info))


def _read_zipped(source: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with _damage_named(source):
        return archive.read(info)


class _Counted:
    """A stream that knows how far it was read and where its last byte other than zero was."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._read = 0
        self._used = 0

    def read(self, size: int) -> bytes:
        content = self._file.read(size)
        if used := len(content.rstrip(b"\0")):
            self._used = self._read + used
        self._read += len(content)
        return content

    def check_end(self, offset: int) -> None:
        """See that the tar ends at ``offset``, in zeros: tarfile takes a cut, or a damaged header, for the end too.

        Reading on to the end of the file also lets the decompressor compare its checksum.
        """
        while self.read(tarfile.RECORDSIZE):
            pass
        if self._used > offset or self._read < offset + tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"no file and no end at byte {offset}")


@contextmanager
def _damage_named(source: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(
            f"{source} cannot be read to its end as an archive ({error}): copy or download it again."
        ) from error


def _safe(name: str, source: Path) -> PurePosixPath:
    """The member's path, refused if it would lead out of the archive on any system."""
    windows = PureWindowsPath(name)  # knows both kinds of slash, and drives
    if windows.drive or windows.root or ".." in windows.parts:
        raise ValueError(
            f"{source} holds the unsafe path {name!r}, which leads out of the archive: "
            f"pack it again with paths relative to the folder that holds train and test."
        )
    return PurePosixPath(name)
