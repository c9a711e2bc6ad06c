"""Writing a file so that a crash, a kill or a full disk leaves the old one or the new one, never half of one."""

import errno
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT)
_ABANDONED_AFTER = 3600.0  # seconds; no write takes that long, so an older partial file was left by a killed process


def write_atomically(path: Path | str, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Replace ``path`` by ``content`` in one step.

    The content goes to a partial file in the same folder, is forced to the disk, and takes the name only then. A
    process killed at any moment leaves ``path`` as it was or as it should be; at worst a hidden ``.partial`` file stays
    behind, which a later write removes.

    Args:
        path: File to write. Its folder must exist.
        content: The bytes, or a function that writes them to the open binary file it is given, such as
            ``lambda file: torch.save(state, file)``.

    Raises:
        OSError: If the disk is full or the file cannot be written. What was at ``path`` is untouched, no partial file
            is left, and the message names ``path``.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> write_atomically(folder / "note.txt", b"momentum")
        >>> (folder / "note.txt").read_bytes(), len(list(folder.iterdir()))
        (b'momentum', 1)
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        _remove_abandoned(path)
        if isinstance(content, bytes):
            check_free_space(path.parent, len(content))
        with open(partial, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        _flush_folder(path.parent)
    except BaseException as problem:
        partial.unlink(missing_ok=True)
        cause = _os_error(problem)
        if cause is None:
            raise
        raise _explain(cause, path) from problem


def check_free_space(folder: Path, num_bytes: int) -> None:
    """Raise the error of a full disk now if fewer than ``num_bytes`` are free where ``folder`` lies."""
    free = shutil.disk_usage(folder).free
    if free < num_bytes:
        raise OSError(errno.ENOSPC, f"{free:,} bytes are free and {num_bytes:,} are needed", str(folder))


def is_partial(path: Path) -> bool:
    """Whether ``path`` is the leftover of a write that was killed."""
    return path.name.startswith(".") and path.name.endswith(".partial")


def _remove_abandoned(path: Path) -> None:
    for leftover in path.parent.glob(f".{path.name}.*.partial"):
        # Another process may be writing, or have just removed it.
        try:
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER:
                leftover.unlink()
        except FileNotFoundError:
            continue


def _flush_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut, where the system lets a folder be opened (POSIX)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _os_error(problem: BaseException | None) -> OSError | None:
    """The operating system's complaint in a chain of exceptions: serialisers wrap it in errors of their own."""
    while problem is not None and not isinstance(problem, OSError):
        problem = problem.__cause__ or problem.__context__
    return problem


def _explain(problem: OSError, path: Path) -> OSError:
    if problem.errno in _OUT_OF_SPACE:
        return OSError(
            problem.errno,
            f"the disk is full, cannot write '{path}' ({problem.strerror}): what was there before is untouched; "
            "free some space and start the same command again",
        )
    reason = problem.strerror or str(problem)
    return OSError(problem.errno, f"cannot write '{path}' ({reason}): what was there before is untouched")
