"""Training one network with one method and one seed: a plain loop that, killed at any moment, goes on bitwise."""

import gc
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from underdamped import _checks
from underdamped.studies.data.image_data import ImageData
from underdamped.studies.training.augmentation import (
    Augmentation,
    ChannelStatistics,
    batches,
    channel_statistics,
    normalize,
    prefetch,
)
from underdamped.studies.training.checkpoints import Row, restore, save
from underdamped.studies.training.methods import Method, coefficients
from underdamped.studies.training.networks import vgg
from underdamped.studies.training.streams import Purpose, torch_seed
from underdamped.studies.training.workers import exit_with_parent

Precision: TypeAlias = Literal["32-true", "bf16-mixed", "bf16-true"]

_EVALUATION_BATCH = 500


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes:
        method: The optimiser and its hyper-parameters.
        seed: Of everything random.
        checkpoint: File for the state after the last finished epoch; its folder must exist.
    """

    method: Method
    seed: int
    checkpoint: Path


@dataclass(frozen=True)
class Settings:
    """What all jobs of a study share.

    Attributes:
        epochs: To train, >= 1.
        batch_size: Images in a global batch, a multiple of the number of devices.
        augmentation: Of the training images.
        dropout: Share of the network's features dropped before its head.
        accelerator: "cpu", "cuda" or "mps".
        precision: "32-true" float32; "bf16-mixed" bfloat16 where it is safe; "bf16-true" bfloat16 weights too.
    """

    epochs: int
    batch_size: int
    augmentation: Augmentation
    dropout: float = 0.5
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
    column ``seconds`` apart). A loss that is not finite ends the job with the epoch it happened in, recorded as NaN.

    On several devices each takes its share of every batch, gradients are averaged, and batch norm uses the statistics
    of each device's share, as is usual; so their number is part of the result.

    Call it in a process of its own: it makes PyTorch deterministic, and on CPUs single-threaded, for good.

    Args:
        job: What to train.
        settings: How.
        load: Gives the images; called in each process, so it must be picklable for several devices.
        devices: Number of devices that share each batch, or the indices of those devices.
        report: Called first with the records restored from a checkpoint, or that of epoch 0, then after each epoch with
            its record.

    Returns:
        The records, one for each epoch from 0 (before training).

    Raises:
        ValueError: If the batches cannot be formed, or the checkpoint is damaged.
        OSError: If the checkpoint cannot be written.
    """
    fabric = Fabric(
        accelerator=settings.accelerator,
        devices=devices,
        precision=settings.precision,
        strategy="auto" if devices == 1 or (isinstance(devices, list) and len(devices) == 1) else "ddp_spawn",
    )
    return fabric.launch(partial(_train, job=job, settings=settings, load=load, report=report))


def is_finished(rows: list[Row], epochs: int) -> bool:
    """Whether a job with these records is over: it was trained for ``epochs``, or it diverged."""
    loss = rows[-1]["train_loss"]
    return rows[-1]["epoch"] >= epochs or (loss is not None and not math.isfinite(loss))


def check_batches(batch_size: int, number: int, num_devices: int) -> None:
    """Refuse batches that cannot be formed from ``number`` images on ``num_devices`` devices, with a ``ValueError``."""
    if not 2 * num_devices <= batch_size <= number:
        way_out = "batch norm needs two images a device, and an epoch one full batch of the training images"
        raise _checks.fail("batch_size", f"in [{2 * num_devices}, {number}]", batch_size, way_out)
    if batch_size % num_devices:
        way_out = "each device takes the same share of every batch"
        raise _checks.fail("batch_size", f"a multiple of the {num_devices} devices", batch_size, way_out)


@dataclass(frozen=True)
class _Parts:
    """What both loops work with; ``model`` and ``stepper`` are Fabric's wrappers of the network and the optimiser."""

    fabric: Fabric
    network: nn.Module
    model: Any
    stepper: Any
    data: ImageData
    statistics: ChannelStatistics


def _train(
    fabric: Fabric,
    job: Job,
    settings: Settings,
    load: Callable[[], ImageData],
    report: Callable[[list[Row]], None] | None,
) -> list[Row]:
    """The whole job, in each of its processes."""
    _prepare_process(fabric)
    rows = _train_network(fabric, job, settings, load, report)
    if fabric.world_size > 1:
        _leave_group(fabric)
    return rows


def _train_network(
    fabric: Fabric,
    job: Job,
    settings: Settings,
    load: Callable[[], ImageData],
    report: Callable[[list[Row]], None] | None,
) -> list[Row]:
    data = load()
    num_images = len(data.train_images)
    check_batches(settings.batch_size, num_images, fabric.world_size)
    torch.manual_seed(torch_seed(job.seed, Purpose.WEIGHTS))
    network = vgg(data.image_shape, data.num_classes, settings.dropout)
    network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]  (a quarter faster than the default)
    optimizer = job.method.optimizer(network.parameters())
    model, stepper = fabric.setup(network, optimizer)
    parts = _Parts(fabric, network, model, stepper, data, channel_statistics(data.train_images))

    def record(epoch: int, trained: tuple[Any, Any], tested: tuple[float, float], seconds: float) -> Row:
        return {
            "method": job.method.name,
            "seed": job.seed,
            "epoch": epoch,
            "step": epoch * (num_images // settings.batch_size),
            "train_loss": trained[0],
            "train_accuracy": trained[1],
            "test_loss": tested[0],
            "test_accuracy": tested[1],
            **coefficients(optimizer),
            "seconds": seconds,
        }

    def tell(rows: list[Row]) -> None:
        if report is not None and fabric.is_global_zero:
            report(rows)

    rows = restore(job.checkpoint, network, optimizer) or [record(0, (None, None), _evaluate(parts), seconds=0.0)]
    tell(list(rows))
    while not is_finished(rows, settings.epochs):
        epoch = len(rows)
        began = time.perf_counter()
        trained = _train_epoch(parts, settings, job.seed, epoch)
        seconds = time.perf_counter() - began
        finite = math.isfinite(trained[0])
        tested = _evaluate(parts) if finite else (math.nan, math.nan)
        rows.append(record(epoch, trained if finite else (math.nan, trained[1]), tested, seconds))
        if fabric.is_global_zero:
            save(job.checkpoint, network, optimizer, rows)
        tell(rows[-1:])
    return rows


def _leave_group(fabric: Fabric) -> None:
    """End the process group, whose threads, left running, now and then abort the exit.

    The group joins its threads where its last reference is dropped. Python's own references let go of the interpreter
    meanwhile; the one that ``DistributedDataParallel`` has does not, and waits for ever for a thread that needs the
    interpreter to free a tensor. So the network has to be gone before, and not left in a
    cycle either.
    """
    gc.collect()
    fabric.barrier()
    torch.distributed.destroy_process_group()


def _prepare_process(fabric: Fabric) -> None:
    torch.use_deterministic_algorithms(True)
    if fabric.device.type == "cpu":
        torch.set_num_threads(1)  # the other cores have jobs of their own, and the order of sums depends on the number
    elif fabric.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS needs to be deterministic
        torch.backends.cudnn.benchmark = False
    if fabric.world_size > 1:
        exit_with_parent()


def _train_epoch(parts: _Parts, settings: Settings, seed: int, epoch: int) -> tuple[float, float]:
    """Loss and accuracy, averaged over the epoch's batches as they were when trained on."""
    fabric, data = parts.fabric, parts.data
    torch.manual_seed(torch_seed(seed, Purpose.DROPOUT, epoch, fabric.global_rank))
    parts.model.train()
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
        inputs, targets = _to_device(fabric, images), _to_device(fabric, labels)
        logits = parts.model(normalize(inputs, parts.statistics))
        loss = cross_entropy(logits, targets)
        parts.stepper.zero_grad()
        fabric.backward(loss)
        parts.stepper.step()
        losses.append(loss.detach())
        hits.append((logits.detach().argmax(1) == targets).float().mean())
    totals = [math.fsum(torch.stack(values).tolist()) for values in (losses, hits)]
    loss_sum, hits_sum, number = _sum_over_ranks(fabric, [*totals, len(losses)])
    return loss_sum / number, hits_sum / number


@torch.no_grad()
def _evaluate(parts: _Parts) -> tuple[float, float]:
    """Loss and accuracy on the test images, each rank on its share of them, with the first rank's running averages."""
    fabric, network = parts.fabric, parts.network
    if fabric.world_size > 1:
        state = {name: value.cpu() for name, value in network.state_dict().items()}
        network.load_state_dict(fabric.broadcast(state))
    network.eval()
    dtype = next(network.parameters()).dtype
    share = slice(fabric.global_rank, None, fabric.world_size)
    images, labels = parts.data.test_images[share], parts.data.test_labels[share]
    loss = hits = 0.0
    for start in range(0, len(images), _EVALUATION_BATCH):
        part = slice(start, start + _EVALUATION_BATCH)
        inputs, targets = _to_device(fabric, images[part]), _to_device(fabric, labels[part])
        with fabric.autocast():
            logits = network(normalize(inputs, parts.statistics).to(dtype)).float()
        loss += cross_entropy(logits, targets, reduction="sum").item()
        hits += (logits.argmax(1) == targets).sum().item()
    loss, hits, number = _sum_over_ranks(fabric, [loss, hits, len(images)])
    return loss / number, hits / number


def _sum_over_ranks(fabric: Fabric, values: list[float]) -> list[float]:
    if fabric.world_size == 1:
        return values
    total = fabric.all_reduce(torch.tensor(values, dtype=torch.float64), reduce_op="sum")
    assert isinstance(total, Tensor)
    return total.tolist()


def _to_device(fabric: Fabric, array: np.ndarray) -> Tensor:
    """Pixels travel as bytes, a quarter of what floats would be; from pinned memory they travel while the GPU works."""
    tensor = torch.tensor(array)  # a copy: the array may be a read-only file
    if fabric.device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(fabric.device, non_blocking=fabric.device.type == "cuda")
