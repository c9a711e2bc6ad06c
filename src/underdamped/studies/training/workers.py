"""Jobs side by side, each in a process of its own that shares nothing with the others but a pipe to the parent."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from underdamped import _checks

Job = TypeVar("Job")
Work = Callable[[int, Job, Callable[[Any], None]], None]
"""What a worker does: (number of the worker, job, where to send messages)."""

# Not forked: a fork copies the parent's thread pools and its CUDA context in an unusable state.
_PROCESSES = multiprocessing.get_context("spawn")


def num_cores() -> int:
    """Cores this process may use (fewer than the machine has, under taskset or a batch system)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_workers(workers: int, threads_each: int = 1) -> None:
    """Refuse more workers than the cores can carry, with a ``ValueError``.

    Args:
        workers: processes side by side, >= 1.
        threads_each: cores that each of them keeps busy.
    """
    most = num_cores() // threads_each
    if most < 1:
        raise _checks.fail("devices", f"at most {num_cores()}", threads_each, "that is how many cores there are")
    if not 1 <= workers <= most:
        way_out = f"{num_cores()} cores are available, and workers that share a core only delay each other"
        raise _checks.fail("workers", f"in [1, {most}]", workers, way_out)


def side_by_side(work: Work[Job], jobs: Sequence[Job], workers: int) -> Iterator[tuple[int, Any]]:
    """Do all jobs, ``workers`` at a time, and give their messages as they come.

    If a job raises, or the caller stops iterating, all workers are ended at once. They also end on their own when the
    parent is gone, however it went.

    Args:
        work: called in a worker as ``work(number_of_worker, job, send)``; picklable, and so are messages.
        jobs: one call each, begun in order.
        workers: processes.

    Yields:
        (index of the job, message).

    Raises:
        ValueError: The job's own.
        OSError: The job's own; ``ChildProcessError`` if a worker was killed.
        RuntimeError: Any other failure of a job, with its traceback.
    """
    waiting = deque(enumerate(jobs))
    processes: dict[Connection, Any] = {}
    try:
        for number in range(min(workers, len(jobs))):
            ours, theirs = _PROCESSES.Pipe()
            process = _PROCESSES.Process(target=_serve, args=(theirs, work, number), name=f"worker {number}")
            with _interrupts_ignored():
                process.start()
            theirs.close()  # so that the pipe ends when the worker does
            processes[ours] = process
            ours.send(waiting.popleft())
        while processes:
            for connection in wait(list(processes)):
                assert isinstance(connection, Connection)
                try:
                    kind, index, content = connection.recv()
                except (EOFError, ConnectionError):
                    raise _lost(processes[connection]) from None
                if kind == "message":
                    yield index, content
                elif kind == "failed":
                    raise content
                elif waiting:
                    connection.send(waiting.popleft())
                else:
                    connection.send(None)
                    processes.pop(connection).join()
    finally:
        for process in processes.values():
            process.kill()  # whatever a worker writes is written atomically
        for process in processes.values():
            process.join()


def exit_with_parent() -> None:
    """End this process as soon as its parent is gone, so that a killed run leaves nobody training behind."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="watches the parent").start()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started in here never see Ctrl-C, which goes to all of them: it is the parent's to handle, once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may change this
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


@dataclass(frozen=True)
class _Sender:
    """Sends a job's messages. Not a closure: a job may hand it on to processes of its own."""

    connection: Connection
    index: int

    def __call__(self, message: Any) -> None:
        self.connection.send(("message", self.index, message))


def _serve(connection: Connection, work: Work[Any], number: int) -> None:
    exit_with_parent()
    while (assignment := connection.recv()) is not None:
        index, job = assignment
        try:
            work(number, job, _Sender(connection, index))
        except Exception as problem:
            expected = isinstance(problem, ValueError | OSError)
            connection.send(("failed", index, problem if expected else RuntimeError(traceback.format_exc())))
        else:
            connection.send(("done", index, None))


def _lost(process: Any) -> Exception:
    process.join()
    code = process.exitcode
    reason = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    advice = "if memory ran out, use fewer workers; start the same command again to go on from the last checkpoints"
    return ChildProcessError(f"{process.name} {reason}: {advice}")
