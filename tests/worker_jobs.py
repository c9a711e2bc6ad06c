"""Jobs for the tests of worker processes: in a module of their own, so that those processes can import them."""

import os
import signal
import time


def report_place(worker, job, send):
    send((worker, os.getpid()))
    send(job * job)


def fail_at_2(worker, job, send):
    if job == 2:
        raise ValueError("`job` must not be 2, got 2: choose another.")
    send(job)


def fail_strangely(worker, job, send):
    raise KeyError("strange")


def be_killed(worker, job, send):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_for_ever(worker, job, send):
    send(os.getpid())
    time.sleep(600)
