"""What worker processes do in the tests: in a module of their own, so that those processes can import them."""

import gc
import os
import signal
import time

import torch
from torch.nn.parallel import DistributedDataParallel

import tiny_images


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


def load_and_watch_the_end():
    """The images; and from then on the process fails if its group is left while a network still holds on to it."""
    leave = torch.distributed.destroy_process_group

    def watched():
        networks = [thing for thing in gc.get_objects() if isinstance(thing, DistributedDataParallel)]
        assert not networks, "the network outlives its process group, and may wait for ever for the group's threads"
        leave()

    torch.distributed.destroy_process_group = watched
    return tiny_images.load()
