"""Downloads against a mirror on this machine: falling back, resuming, and refusing what has the wrong checksum."""

import hashlib
import os

import pytest

from mirror import Mirror, serve
from underdamped.studies.data.downloads import CHUNK, TRIES, Download, fetch_file

CONTENT = bytes(range(256)) * 4000  # several chunks
HALF = 30 * CHUNK
DOWN = "http://127.0.0.1:9/file"  # the discard port: nobody listens


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def download(*urls: str) -> Download:
    return Download("file.tar.gz", urls, hashlib.md5(CONTENT).hexdigest())


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_downloads_once(tmp_path):
    with serve(Mirror(CONTENT)) as mirror:
        path = fetch_file(download(mirror.url), tmp_path / "new" / "folder")
        assert path.read_bytes() == CONTENT
        assert fetch_file(download(mirror.url), path.parent) == path
    assert mirror.asked == [None]
    assert names(path.parent) == {"file.tar.gz"}


@pytest.mark.parametrize("bad", [None, 404, 503])
def test_first_mirror_down_second_used(tmp_path, bad):
    with serve(Mirror(status=bad or 200)) as first, serve(Mirror(CONTENT)) as second:
        url = first.url if bad else DOWN
        assert fetch_file(download(url, second.url), tmp_path).read_bytes() == CONTENT
    assert first.asked == ([None] if bad else [])  # an answer is final; nobody asks three times for a 404


def test_dropped_connection_goes_on_where_it_stopped(tmp_path):
    with serve(Mirror(CONTENT, drop_after=HALF, drops=1)) as mirror:
        assert fetch_file(download(mirror.url), tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [None, f"bytes={HALF}-"]


def test_interrupted_download_is_resumed_by_the_next_call_from_another_mirror(tmp_path):
    with serve(Mirror(CONTENT, drop_after=CHUNK + 1, drops=TRIES)) as first, pytest.raises(ConnectionError) as failure:
        fetch_file(download(first.url), tmp_path)
    assert "what has arrived is kept" in str(failure.value)
    assert str(tmp_path / "file.tar.gz") in str(failure.value)
    assert (tmp_path / "file.tar.gz.part").read_bytes() == CONTENT[: CHUNK * TRIES]
    with serve(Mirror(CONTENT)) as second:
        assert fetch_file(download(second.url), tmp_path).read_bytes() == CONTENT
    assert second.asked == [f"bytes={CHUNK * TRIES}-"]
    assert names(tmp_path) == {"file.tar.gz"}


def test_mirror_without_ranges_starts_over(tmp_path):
    (tmp_path / "file.tar.gz.part").write_bytes(CONTENT[:HALF])
    with serve(Mirror(CONTENT, knows_ranges=False)) as mirror:
        assert fetch_file(download(mirror.url), tmp_path).read_bytes() == CONTENT


def test_killed_between_last_byte_and_rename(tmp_path):
    (tmp_path / "file.tar.gz.part").write_bytes(CONTENT)
    with serve(Mirror(CONTENT)) as mirror:
        assert fetch_file(download(mirror.url), tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [f"bytes={len(CONTENT)}-"]


def test_wrong_beginning_costs_one_fresh_start(tmp_path):
    (tmp_path / "file.tar.gz.part").write_bytes(b"x" * HALF)
    with serve(Mirror(CONTENT)) as mirror:
        assert fetch_file(download(mirror.url), tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [f"bytes={HALF}-", None]


def test_wrong_checksum_is_refused_and_kept_aside(tmp_path):
    with serve(Mirror(b"not what was promised")) as mirror, pytest.raises(ConnectionError) as failure:
        fetch_file(download(mirror.url), tmp_path)
    aside = tmp_path / "file.tar.gz.wrong-checksum"
    assert aside.read_bytes() == b"not what was promised"
    assert f"{mirror.url}: wrong checksum, refused; kept aside as {aside}" in str(failure.value)
    assert mirror.asked == [None]
    assert names(tmp_path) == {aside.name}


def test_wrong_checksum_of_one_mirror_does_not_stop_the_next(tmp_path):
    with serve(Mirror(b"an error page")) as first, serve(Mirror(CONTENT)) as second:
        assert fetch_file(download(first.url, second.url), tmp_path).read_bytes() == CONTENT
    assert second.asked == [None]  # nothing of the first mirror's answer is built upon


def test_damaged_file_in_place_is_kept_aside_and_replaced(tmp_path):
    (tmp_path / "file.tar.gz").write_bytes(CONTENT[:-1])
    with serve(Mirror(CONTENT)) as mirror:
        assert fetch_file(download(mirror.url), tmp_path).read_bytes() == CONTENT
    assert (tmp_path / "file.tar.gz.wrong-checksum").read_bytes() == CONTENT[:-1]


def test_no_network_lists_every_mirror_and_the_way_out(tmp_path):
    other = "http://127.0.0.1:9/other"
    with pytest.raises(ConnectionError) as failure:
        fetch_file(download(DOWN, other), tmp_path)
    message = str(failure.value)
    assert message.count(f"{DOWN}: ") == 1
    assert f"{other}: " in message
    assert f"put the archive at {tmp_path / 'file.tar.gz'}" in message


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with serve(Mirror(CONTENT)) as mirror, pytest.raises(OSError, match=r"Cannot write to .*--data-dir") as failure:
        fetch_file(download(mirror.url), tmp_path / "file" / "below")
    assert not isinstance(failure.value, ConnectionError)
    assert mirror.asked == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_full_disk(tmp_path):
    (tmp_path / "file.tar.gz.part").symlink_to("/dev/full")
    with serve(Mirror(CONTENT)) as mirror, pytest.raises(OSError, match=r"No space left on device.*--data-dir"):
        fetch_file(download(mirror.url), tmp_path)
