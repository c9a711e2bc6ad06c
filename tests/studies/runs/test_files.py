"""A file is the old one or the new one, whatever happens while it is written."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from underdamped.studies.runs import files
from underdamped.studies.runs.files import write_atomically

SIZE = 4_000_000

WRITER = f"""
import sys
from underdamped.studies.runs.files import write_atomically
number = 0
while True:
    write_atomically(sys.argv[1], bytes([number % 256]) * {SIZE})
    number += 1
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_a_whole_file(tmp_path):
    path = tmp_path / "checkpoint"
    for delay in (0.001, 0.003, 0.005, 0.008, 0.013):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        process.stdout.readline()  # one write is done, another is going on
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        content = path.read_bytes()
        assert len(content) == SIZE
        assert len(set(content)) == 1


def test_what_a_killed_writer_leaves_is_removed_once_it_is_old(tmp_path):
    old, fresh = tmp_path / ".note.1.partial", tmp_path / ".note.2.partial"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    write_atomically(tmp_path / "note", b"whole")
    assert not old.exists()
    assert fresh.exists()  # another process may be at it


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_loses_nothing(tmp_path, monkeypatch, code):
    path = tmp_path / "records.parquet"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"the disk is full, cannot write '.*records.parquet'.*untouched") as caught:
        write_atomically(path, b"new")
    assert caught.value.errno == code
    assert [entry.name for entry in tmp_path.iterdir()] == ["records.parquet"]
    assert path.read_bytes() == b"old"


def test_too_little_space_is_noticed_before_a_byte_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: files.shutil._ntuple_diskusage(100, 97, 3))
    monkeypatch.setattr(files.os, "replace", lambda *paths: pytest.fail("written all the same"))
    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(tmp_path / "note", b"four")


@pytest.mark.skipif(os.name != "posix", reason="limits of file size are POSIX")
def test_a_write_that_the_system_stops_half_way(tmp_path):
    path = tmp_path / "records.parquet"
    path.write_bytes(b"old")
    code = (
        "import resource, sys; from underdamped.studies.runs.files import write_atomically;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); write_atomically(sys.argv[1], b'x' * 5000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"cannot write '{path}'" in done.stderr
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_error_of_the_writing_function_keeps_its_type(tmp_path):
    def broken(file):
        file.write(b"half")
        raise RuntimeError("not serialisable")

    with pytest.raises(RuntimeError, match="not serialisable"):
        write_atomically(tmp_path / "checkpoint", broken)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_inside_somebody_elses_error_is_still_a_full_disk(tmp_path):
    def serialiser(file):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as problem:
            raise RuntimeError("unexpected position") from problem

    with pytest.raises(OSError, match="the disk is full"):
        write_atomically(tmp_path / "checkpoint", serialiser)
