"""Training one network with one method and one seed: a plain loop that can be killed at any moment and goes on bitwise."""

import io
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from underdamped import _checks
from underdamped.studies.augmentation import (
    Augmentation,
    ChannelStatistics,
    batches,
    channel_statistics,
    normalize,
    prefetch,
)
from underdamped.studies.files import write_atomically
from underdamped.studies.image_data import ImageData
from underdamped.studies.methods import Method, coefficients
from underdamped.studies.networks import vgg
from underdamped.studies.streams import Purpose, torch_seed
from underdamped.studies.workers import exit_with_parent

Row: TypeAlias = dict[str, Any]
"""One record: what is known of one job after one epoch."""

Precision: TypeAlias = Literal["32-true", "bf16-mixed", "bf16-true"]

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes:
        method: the optimiser and its hyper-parameters.
        seed: of everything random.
        checkpoint: file that holds the state after the last finished epoch.
    """

    method: Method
    seed: int
    checkpoint: Path


@dataclass(frozen=True)
class Settings:
    """What all jobs of a study share.

    Attributes:
        epochs: to train, >= 1.
        batch_size: images in a global batch, a multiple of the number of devices.
        augmentation: of the training images.
        dropout: shares of activations dropped after the three blocks of the network.
        accelerator: "cpu", "cuda" or "mps".
        precision: "32-true" float32; "bf16-mixed" bfloat16 where it is safe; "bf16-true" bfloat16 weights too.
    """

    epochs: int
    batch_size: int
    augmentation: Augmentation
    dropout: tuple[float, float, float]
    accelerator: str = "cpu"
    precision: Precision = "32-true"


def train(
    job: Job,
    settings: Settings,
    load: Callable[[], ImageData],
    devices: int | list[int] = 1,
    report: Callable[[list[Row]], None] | None = None,
) -> list[Row]:
    """Train one network, from its checkpoint if there is one.

    After each epoch the weights, the optimiser and all records so far are written to ``job.checkpoint``, atomically.
    Everything random is a function of (seed, epoch, batch), and PyTorch's deterministic algorithms are used: killed at
    any moment and started again, on the same machine, the job ends with bitwise the same weights and records (the
    column ``seconds`` apart). A loss that is not finite ends the job with the epoch it happened in.

    On several devices each takes its share of every batch, gradients are averaged, and batch norm uses the statistics
    of each device's share, as is usual; so their number is part of the result.

    Args:
        job: what to train.
        settings: how.
        load: gives the images; called in each process, so it must be picklable for several devices.
        devices: number of devices that share each batch, or the indices of those devices.
        report: called with the records restored from a checkpoint, if any, and then after each epoch with its record.

    Returns:
        The records, one for each epoch from 0 (before training).

    Raises:
        ValueError: If the batches cannot be formed.
    """
    several = (devices if isinstance(devices, int) else len(devices)) > 1
    fabric = Fabric(
        accelerator=settings.accelerator,
        devices=devices,
        precision=settings.precision,
        strategy="ddp_spawn" if several else "auto",
    )
    return fabric.launch(_train, job, settings, load, report or _say_nothing)


def _say_nothing(rows: list[Row]) -> None:
    """The report of a job that nobody listens to."""


def _train(
    fabric: Fabric, job: Job, settings: Settings, load: Callable[[], ImageData], report: Callable[[list[Row]], None]
) -> list[Row]:
    _prepare_process(fabric)
    data = load()
    check_batches(settings.batch_size, len(data.train_images), fabric.world_size)
    statistics = channel_statistics(data.train_images)
    torch.manual_seed(torch_seed(job.seed, Purpose.WEIGHTS))
    network = vgg(data.image_shape, data.num_classes, settings.dropout).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = job.method.optimizer(network.parameters())
    model, stepper = fabric.setup(network, optimizer)

    rows = _restore(job.checkpoint, network, optimizer)
    if not rows:
        tested = _evaluate(fabric, network, data, statistics)
        rows = [_row(job, 0, 0, (None, None), tested, optimizer, seconds=0.0)]
    if fabric.is_global_zero:
        report(list(rows))

    steps_per_epoch = len(data.train_images) // settings.batch_size
    while not is_finished(rows, settings.epochs):
        epoch = len(rows)
        began = time.perf_counter()
        trained = _train_epoch(fabric, model, stepper, job.seed, epoch, settings, data, statistics)
        seconds = time.perf_counter() - began
        tested = _evaluate(fabric, network, data, statistics) if math.isfinite(trained[0]) else (math.nan, math.nan)
        rows.append(_row(job, epoch, epoch * steps_per_epoch, trained, tested, optimizer, seconds))
        if fabric.is_global_zero:
            _save(job.checkpoint, network, optimizer, rows)
            report(rows[-1:])
    return rows


def _prepare_process(fabric: Fabric) -> None:
    torch.use_deterministic_algorithms(True)
    if fabric.device.type == "cpu":
        torch.set_num_threads(1)  # the cores are taken by other jobs, and sums of floats depend on the number of threads
    elif fabric.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with a fixed workspace
        torch.backends.cudnn.benchmark = False
    if fabric.world_size > 1:
        exit_with_parent()


def _train_epoch(
    fabric: Fabric,
    model: Any,
    stepper: Any,
    seed: int,
    epoch: int,
    settings: Settings,
    data: ImageData,
    statistics: ChannelStatistics,
) -> tuple[float, float]:
    """Loss and accuracy of one epoch, averaged over its batches as they were when trained on."""
    torch.manual_seed(torch_seed(seed, Purpose.DROPOUT, epoch, fabric.global_rank))
    model.train()
    epoch_batches = batches(
        data.train_images,
        data.train_labels,
        settings.augmentation,
        batch_size=settings.batch_size,
        seed=seed,
        epoch=epoch,
        rank=fabric.global_rank,
        num_ranks=fabric.world_size,
    )
    losses: list[Tensor] = []  # kept on the device: reading them here would make it wait at every step
    hits: list[Tensor] = []
    for images, labels in prefetch(epoch_batches):
        inputs, targets = _to_device(fabric, images, labels)
        logits = model(normalize(inputs, statistics))
        loss = cross_entropy(logits, targets)
        stepper.zero_grad()
        fabric.backward(loss)
        stepper.step()
        losses.append(loss.detach())
        hits.append((logits.detach().argmax(1) == targets).float().mean())
    return _mean_over_ranks(fabric, losses), _mean_over_ranks(fabric, hits)


def _mean_over_ranks(fabric: Fabric, values: list[Tensor]) -> float:
    mean = torch.tensor(math.fsum(torch.stack(values).tolist()) / len(values), dtype=torch.float64)
    return float(fabric.all_reduce(mean, reduce_op="mean"))


@torch.no_grad()
def _evaluate(fabric: Fabric, network: nn.Module, data: ImageData, statistics: ChannelStatistics) -> tuple[float, float]:
    """Loss and accuracy on the test images, each rank on its share of them, with the first rank's running averages."""
    if fabric.world_size > 1:
        network.load_state_dict(fabric.broadcast(_on_cpu(network.state_dict())))
    network.eval()
    dtype = next(network.parameters()).dtype
    share = slice(fabric.global_rank, None, fabric.world_size)
    images, labels = data.test_images[share], data.test_labels[share]
    loss = hits = 0.0
    for start in range(0, len(images), _EVALUATION_BATCH):
        part = slice(start, start + _EVALUATION_BATCH)
        inputs, targets = _to_device(fabric, images[part], labels[part])
        with fabric.autocast():
            logits = network(normalize(inputs, statistics).to(dtype)).float()
        loss += cross_entropy(logits, targets, reduction="sum").item()
        hits += (logits.argmax(1) == targets).sum().item()
    totals = fabric.all_reduce(torch.tensor([loss, hits, len(images)], dtype=torch.float64), reduce_op="sum")
    loss, hits, number = totals.tolist()  # pyright: ignore[reportAttributeAccessIssue]
    return loss / number, hits / number


def _to_device(fabric: Fabric, images: np.ndarray, labels: np.ndarray) -> tuple[Tensor, Tensor]:
    """Pixels travel as bytes, a quarter of what floats would be; from pinned memory they travel while the GPU works."""
    tensors = torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(np.ascontiguousarray(labels))
    if fabric.device.type == "cuda":
        images_, labels_ = (tensor.pin_memory().to(fabric.device, non_blocking=True) for tensor in tensors)
        return images_, labels_
    return tensors[0].to(fabric.device), tensors[1].to(fabric.device)


def _row(
    job: Job,
    epoch: int,
    step: int,
    trained: tuple[float | None, float | None],
    tested: tuple[float, float],
    optimizer: torch.optim.Optimizer,
    seconds: float,
) -> Row:
    diverged = trained[0] is not None and not math.isfinite(trained[0])
    return {
        "method": job.method.name,
        "seed": job.seed,
        "epoch": epoch,
        "step": step,
        "train_loss": math.nan if diverged else trained[0],
        "train_accuracy": trained[1],
        "test_loss": tested[0],
        "test_accuracy": tested[1],
        **coefficients(optimizer),
        "seconds": seconds,
    }


def is_finished(rows: list[Row], epochs: int) -> bool:
    """Whether a job with these records is over: it was trained for ``epochs``, or it diverged."""
    loss = rows[-1]["train_loss"]
    return rows[-1]["epoch"] >= epochs or (loss is not None and not math.isfinite(loss))


def _on_cpu(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.cpu() for name, value in state.items()}


def _save(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer, rows: list[Row]) -> None:
    buffer = io.BytesIO()
    torch.save({"model": _on_cpu(network.state_dict()), "optimizer": optimizer.state_dict(), "rows": rows}, buffer)
    write_atomically(path, buffer.getvalue())


def _restore(path: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> list[Row]:
    """The records in the checkpoint, after its state has been loaded; none if there is no checkpoint."""
    if not path.exists():
        return []
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        return checkpoint["rows"]
    except Exception as problem:
        way_out = f"it is damaged ({problem}); delete it to train this network again from the start"
        raise _checks.fail("checkpoint", "one that this run wrote", str(path), way_out) from problem


def check_batches(batch_size: int, number: int, num_devices: int) -> None:
    """Refuse batches that cannot be formed from ``number`` images on ``num_devices`` devices, with a ``ValueError``."""
    if not 2 <= batch_size <= number:
        way_out = "batch norm needs two images, and an epoch at least one full batch of the training images"
        raise _checks.fail("batch_size", f"in [2, {number}]", batch_size, way_out)
    if batch_size % num_devices:
        way_out = "each device takes the same share of every batch"
        raise _checks.fail("batch_size", f"a multiple of the {num_devices} devices", batch_size, way_out)
