"""The tiny images, and a watch on how a process leaves its group: in a module of its own, for processes to import."""

import gc
import os
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel

import tiny_images


def load(folder: Path):
    """The images. When its group is left, the process fails if a network still holds on to it, else it signs."""
    leave = torch.distributed.destroy_process_group

    def watched():
        networks = [thing for thing in gc.get_objects() if issubclass(type(thing), DistributedDataParallel)]
        assert not networks, "the network outlives its process group, and may wait for ever for the group's threads"
        (folder / f"{os.getpid()}.left").touch()
        leave()

    torch.distributed.destroy_process_group = watched
    return tiny_images.load()
