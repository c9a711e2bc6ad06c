"""Downloads that resume, fall back on a mirror, and are checked before anything reads them."""

import os
from dataclasses import dataclass
from pathlib import Path

from underdamped.studies.data.progress import progress_bar

CHUNK = 1 << 14  # bytes written at a time, and the most that a dropped connection loses
TIMEOUT = (10, 30)  # seconds to connect, seconds without a byte
TRIES = 3  # of one mirror: a dropped connection goes on where it stopped


@dataclass(frozen=True)
class Download:
    """A file that is the same wherever it comes from.

    Args:
        filename: its name on disk.
        urls: where it is served, in the order they are tried.
        md5: checksum in hexadecimal.
    """

    filename: str
    urls: tuple[str, ...]
    md5: str


def is_intact(path: Path, download: Download) -> bool:
    """Whether the file at ``path`` has the checksum of ``download``."""
    import pooch

    return pooch.file_hash(str(path), alg="md5") == download.md5


def set_aside(path: Path) -> Path:
    """Rename a file that must not be used to ``….wrong-checksum``, so that it can be looked at; give its new name."""
    aside = path.with_name(path.name.removesuffix(".part") + ".wrong-checksum")
    os.replace(path, aside)
    return aside


def fetch_file(download: Download, folder: Path) -> Path:
    """The file of ``download`` in ``folder``, downloaded unless it is there already.

    What has arrived is kept in ``filename.part`` when a connection drops or the program is killed, and the next try,
    from whichever mirror, asks for the rest only. A file with the wrong checksum is never used: it is renamed to
    ``filename.wrong-checksum``.

    Args:
        download: the file.
        folder: where it goes; created if need be.

    Returns:
        Path of the complete file, its checksum verified.

    Raises:
        ConnectionError: If no mirror gave the file; the message lists what each one said and how to do it by hand.
        OSError: If ``folder`` cannot be written.
    """
    path = folder / download.filename
    try:
        complaints = _try_mirrors(download, folder, path)
    except OSError as error:  # errors of the network are among the complaints: this is the disk, and no mirror helps
        raise OSError(
            f"Cannot write to {folder}: {error.strerror or error}. Free some space, or give another --data-dir."
        ) from error
    if complaints is None:
        return path
    raise ConnectionError(
        f"Could not download {download.filename}. Tried:\n  " + "\n  ".join(complaints) + "\n"
        f"Try again when the network is back (what has arrived is kept), or put the archive at {path}."
    )


def _try_mirrors(download: Download, folder: Path, path: Path) -> list[str] | None:
    """What each mirror complained of, or None as soon as one has given the file."""
    import pooch
    import requests

    complaints = []
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if is_intact(path, download):
            return None
        complaints.append(f"{path}: wrong checksum, refused; kept aside as {set_aside(path)}")
    part = folder / f"{download.filename}.part"
    for url in download.urls:
        for _ in range(TRIES):
            before = _size(part)
            try:
                # pooch renames the finished file in one step and checks it once more
                pooch.retrieve(
                    url,
                    f"md5:{download.md5}",
                    path.name,
                    folder,
                    downloader=_Resuming(part, download),  # pyright: ignore[reportArgumentType]  (pooch's annotation misnames it)
                )
                return None
            except _WrongChecksumError as error:
                complaints.append(f"{url}: {error}")
                if not error.resumed:  # else the beginning came from elsewhere: the mirror deserves a fresh start
                    break
            except requests.RequestException as error:
                complaints.append(f"{url}: {_cause(error)}")
                if _size(part) <= before:  # no answer, or a refusal: asking again at once will not change it
                    break
    return list(dict.fromkeys(complaints))


class _WrongChecksumError(Exception):
    """The complete file is not the one wanted."""

    def __init__(self, message: str, resumed: bool) -> None:
        super().__init__(message)
        self.resumed = resumed


@dataclass(frozen=True)
class _Resuming:
    """Downloader in pooch's form: continues ``filename.part`` by an HTTP Range request."""

    part: Path
    download: Download

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:  # noqa: ARG002
        resumed = _append_rest(url, self.part)
        if not is_intact(self.part, self.download):
            raise _WrongChecksumError(f"wrong checksum, refused; kept aside as {set_aside(self.part)}", resumed)
        os.replace(self.part, output_file)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append_rest(url: str, part: Path) -> bool:
    """Download what ``part`` lacks; whether it was begun before."""
    import requests

    have = _size(part)
    # identity: a server that compresses on the fly would count other bytes than the file's
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response:
        if have and response.status_code == 416:  # nothing lies beyond what we have
            return True
        response.raise_for_status()
        if response.status_code != 206:  # the server sends the file from its beginning
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = progress_bar(part.stem, total, done=have, in_bytes=True)
        with part.open("ab" if have else "wb") as file, bar as advance:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                advance(len(chunk))
    return have > 0


def _cause(error: BaseException) -> str:
    """The root of the network library's nested exceptions: one line that says what happened."""
    inner = getattr(error, "reason", None) or next(iter(error.args), None)
    return _cause(inner) if isinstance(inner, BaseException) else str(error)
