"""Worker processes: every job once, no failure unnoticed, nobody left behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from underdamped.studies.training import workers
from underdamped.studies.training.workers import check_workers, num_cores, side_by_side
from worker_jobs import be_killed, fail_at_2, fail_strangely, report_place, sleep_for_ever


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "Z (zombie)" in status.read_text())


def ends_soon(pid):
    deadline = time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_every_job_is_done_once_in_as_many_processes_as_asked():
    messages = list(side_by_side(report_place, [1, 2, 3, 4, 5], workers=2))
    assert sorted(m for m in messages if isinstance(m[1], int)) == [(0, 1), (1, 4), (2, 9), (3, 16), (4, 25)]
    places = [place for _, place in messages if not isinstance(place, int)]
    assert {worker for worker, _ in places} <= {0, 1}
    assert len({pid for _, pid in places}) == len({worker for worker, _ in places})
    assert os.getpid() not in {pid for _, pid in places}


def test_a_jobs_complaint_arrives_as_it_was():
    with pytest.raises(ValueError, match="`job` must not be 2, got 2: choose another"):
        list(side_by_side(fail_at_2, [1, 2, 3], workers=1))


def test_a_bug_in_a_job_arrives_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"fail_strangely[^$]*KeyError: 'strange'"):
        list(side_by_side(fail_strangely, [1], workers=1))


def test_a_killed_worker_is_noticed():
    with pytest.raises(ChildProcessError, match=r"worker 0 was killed by signal 9: .* start the same command again"):
        list(side_by_side(be_killed, [1], workers=1))


def test_workers_end_when_the_caller_stops_listening():
    messages = side_by_side(sleep_for_ever, [1], workers=1)
    _, pid = next(messages)
    messages.close()
    assert ends_soon(pid)


PARENT = """
from underdamped.studies.training.workers import side_by_side
from worker_jobs import sleep_for_ever
if __name__ == "__main__":
    for _, pid in side_by_side(sleep_for_ever, [1, 2], workers=2):
        print(pid, flush=True)
"""


def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(is_alive, pids))
        parent.kill()
    assert all(map(ends_soon, pids))


def test_more_workers_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(workers, "num_cores", lambda: 4)
    check_workers(4)
    check_workers(2, threads_each=2)
    with pytest.raises(ValueError, match=r"`workers` must be in \[1, 4\], got 5: 4 cores are available"):
        check_workers(5)
    with pytest.raises(ValueError, match=r"`workers` must be in \[1, 2\], got 3"):
        check_workers(3, threads_each=2)
    with pytest.raises(ValueError, match="`devices` must be at most 4, got 5"):
        check_workers(1, threads_each=5)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no way to take cores away here")
def test_cores_are_those_this_process_may_use():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert num_cores() == 1
    finally:
        os.sched_setaffinity(0, before)
