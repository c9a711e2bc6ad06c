"""The state of a training job after an epoch, on disk: written whole or not at all."""

from pathlib import Path
from textwrap import shorten
from typing import Any, TypeAlias

import torch
from torch import nn

from underdamped import _checks
from underdamped.studies.runs.files import write_atomically

Row: TypeAlias = dict[str, Any]
"""One record: what is known of one job after one epoch."""


def save(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, rows: list[Row]) -> None:
    """Replace the checkpoint at ``path`` by the present state.

    Args:
        path: The file; its folder must exist.
        network: Its parameters and buffers are kept.
        optimizer: Its state is kept.
        rows: The job's records so far, numbers and text only.

    Raises:
        OSError: If it cannot be written. What was at ``path`` is untouched.
    """
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "records": rows}
    write_atomically(path, lambda file: torch.save(state, file))


def restore(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> list[Row]:
    """Load the checkpoint at ``path``, if there is one.

    Args:
        path: The file.
        network: Built as the saved one was, on any device; its parameters and buffers are overwritten.
        optimizer: Built as the saved one was; its state is overwritten.

    Returns:
        The job's records so far; none if there is no checkpoint.

    Raises:
        ValueError: If the file is damaged or holds another network.
    """
    if not path.exists():
        return []
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(checkpoint["network"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        return checkpoint["records"]
    except Exception as problem:  # a damaged file can fail in any way
        reason = shorten(str(problem) or type(problem).__name__, 80)
        way_out = f"it is damaged ({reason}); delete it to train this network again from the start"
        raise _checks.fail("checkpoint", "as this run wrote it", str(path), way_out) from problem
