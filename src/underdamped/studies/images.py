"""Figs. 7 and 8 and Table 1: a convolutional network trained on images with SGD, momentum, hSGMP and dmSGMP."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl
import torch

from underdamped import _checks
from underdamped.studies.data import load_images
from underdamped.studies.data.image_data import ImageData
from underdamped.studies.runs.records import Run
from underdamped.studies.training.augmentation import Augmentation
from underdamped.studies.training.checkpoints import Row
from underdamped.studies.training.loop import Job, Precision, Settings, check_batches, is_finished, train
from underdamped.studies.training.methods import Method, parse_methods, spec
from underdamped.studies.training.networks import SMALLEST_SIDE, check_network
from underdamped.studies.training.progress import show_progress
from underdamped.studies.training.workers import check_workers, num_cores, side_by_side

SCHEMA: dict[str, type[pl.DataType]] = {
    "method": pl.String,
    "seed": pl.Int64,
    "epoch": pl.Int64,
    "step": pl.Int64,
    "train_loss": pl.Float64,
    "train_accuracy": pl.Float64,
    "test_loss": pl.Float64,
    "test_accuracy": pl.Float64,
    "learning_rate": pl.Float64,
    "mass": pl.Float64,
    "decay": pl.Float64,
    "effective_lr": pl.Float64,
    "seconds": pl.Float64,
}
"""Columns of the records: one row for each method, seed and epoch, epoch 0 before training."""

_WRITE_EVERY = 5.0  # seconds between two writes of the records; the checkpoints hold them too


@dataclass(frozen=True)
class Config:
    """Train one network for each method and seed.

    The defaults are the demo: four methods at the same effective learning rate, 0.1, on the digits that come with
    scikit-learn. The paper's experiment is `--data cifar10 --methods table1 fair --epochs 800`.
    """

    OPERATIONAL: ClassVar[tuple[str, ...]] = ("data_dir", "workers", "accelerator")

    data: str = "digits"
    """Images: digits, cifar10, or the path of a folder or archive with train/CLASS/* and test/CLASS/*."""
    data_dir: Path | None = None
    """Where downloads and decoded images are kept; the user's cache directory if not given."""
    image_size: int | None = None
    """Scale and crop the images of a folder to squares of so many pixels; as they are if not given."""
    methods: tuple[str, ...] = ("SGD", "momentum", "hSGMP", "dmSGMP")
    """Methods: SGD, momentum, hSGMP, dmSGMP, each as it is or with parameters, hSGMP:lr=1,mass=0.1,friction=10;
    table1 for the rows of Table 1; fair for SGD at their effective learning rate."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds, one network for each with every method."""
    epochs: int = 30
    """Passes over the training images."""
    batch_size: int = 50
    """Images in a batch. (The paper: 100.)"""
    train_size: int | None = None
    """Train on so many images only, in the classes' proportions."""
    test_size: int | None = None
    """Test on so many images only, in the classes' proportions."""
    flip: bool | None = None
    """Mirror training images at random; if not given, all but digits."""
    padding: int | None = None
    """Shift training images at random by up to so many pixels; if not given, 1/8 of the shorter side."""
    dropout: float = 0.5
    """Share of the network's features dropped before its last layer, in training."""
    precision: Precision = "32-true"
    """Arithmetic: float32, bfloat16 where it is safe, or bfloat16 throughout."""
    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to train; auto takes a GPU if there is one."""
    devices: int = 1
    """Devices that share each batch of one network. (Part of the result: batch norm sees each device's share.)"""
    workers: int | None = None
    """Networks trained side by side; if not given, one for each core or GPU."""


QUICK = Config(seeds=(0, 1), epochs=2, train_size=300, test_size=100)
"""The defaults with ``--quick``: everything once, in seconds; its accuracies mean nothing."""

DEMO = Config(epochs=12)
"""For the demonstration of all studies: long enough for accuracies that mean something, and not longer."""


def check(config: Config) -> None:
    """Refuse what cannot be run, before anything is written; fetches and decodes the images if need be.

    Args:
        config: what is asked for.

    Raises:
        ValueError: If a value does not fit the images or the machine.
        OSError: If the images cannot be read or fetched.
    """
    parse_methods(config.methods)
    if not config.seeds or len(set(config.seeds)) < len(config.seeds) or min(config.seeds) < 0:
        raise _checks.fail("seeds", "different numbers >= 0, at least one", config.seeds, "each is one repetition")
    for name in ("epochs", "devices", "workers", "train_size", "test_size"):
        value = getattr(config, name)
        if value is not None and value < 1:
            raise _checks.fail(name, "at least 1", value, "with fewer there is nothing to do")
    if config.image_size is not None and config.image_size < SMALLEST_SIDE:
        way_out = "three poolings leave nothing of a smaller image"
        raise _checks.fail("image_size", f"at least {SMALLEST_SIDE}", config.image_size, way_out)
    _num_workers(config)
    data = _loader(config)()
    check_batches(config.batch_size, len(data.train_images), config.devices)
    if min(data.image_shape[:2]) < SMALLEST_SIDE:
        bound, given = f"images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels", config.data
        height, width, _ = data.image_shape
        raise _checks.fail("data", bound, given, f"they are {width}x{height}; enlarge them with --image-size")
    check_network(data.image_shape, data.num_classes, config.dropout)
    _augmentation(config, data)


def run(config: Config, run: Run) -> pl.DataFrame:
    """Train every method with every seed, from the run's checkpoints where there are any.

    Args:
        config: what to train; see `check`.
        run: the open run directory. Records are written there every few seconds and at the end.

    Returns:
        The records, columns as in ``SCHEMA``.

    Raises:
        ValueError: If a value does not fit the images or the machine.
        OSError: If the images cannot be read, a file cannot be written, or a worker was killed.
    """
    check(config)
    load = _loader(config)
    settings = Settings(
        epochs=config.epochs,
        batch_size=config.batch_size,
        augmentation=_augmentation(config, load()),
        dropout=config.dropout,
        accelerator=_accelerator(config),
        precision=config.precision,
    )
    methods = parse_methods(config.methods)
    run.add_facts(methods=[method.name for method in methods])  # a report can then say which have not begun
    jobs = [
        Job(method, seed, run.checkpoints / f"{_file_name(method)}_seed={seed}.pt")
        for seed in config.seeds  # the outer loop: every method has a first result early
        for method in methods
    ]
    records: list[list[Row]] = [[] for _ in jobs]
    written = time.monotonic()
    work = partial(_work, settings, config.devices, load)
    with show_progress([f"{job.method.name}, seed {job.seed}" for job in jobs], config.epochs) as update:
        for index, rows in side_by_side(work, jobs, _num_workers(config)):
            records[index] += rows
            update(index, rows, is_finished(records[index], config.epochs))
            if time.monotonic() - written > _WRITE_EVERY:
                run.write_records(_frame(records))
                written = time.monotonic()
    frame = _frame(records)
    run.write_records(frame)
    return frame


def _work(
    settings: Settings,
    devices: int,
    load: Callable[[], ImageData],
    worker: int,
    job: Job,
    send: Callable[[list[Row]], None],
) -> None:
    """One job, in a worker."""
    train(job, settings, load, _devices_of_worker(settings.accelerator, devices, worker), send)


def _devices_of_worker(accelerator: str, devices: int, worker: int) -> int | list[int]:
    """Workers take the GPUs in turn, so that all are used; CPUs are all alike."""
    if accelerator != "cuda":
        return devices
    return [(worker * devices + offset) % torch.cuda.device_count() for offset in range(devices)]


def _loader(config: Config) -> Callable[[], ImageData]:
    return partial(_load, config.data, config.data_dir, config.image_size, config.train_size, config.test_size)


@lru_cache(maxsize=1)
def _load(
    name: str, data_dir: Path | None, image_size: int | None, train_size: int | None, test_size: int | None
) -> ImageData:
    """The images, once a process."""
    return load_images(name, data_dir, image_size=image_size).subset(train_size, test_size, seed=0)


def _augmentation(config: Config, data: ImageData) -> Augmentation:
    flip = config.data != "digits" if config.flip is None else config.flip
    padding = min(data.image_shape[:2]) // 8 if config.padding is None else config.padding
    return Augmentation(flip, padding)


def _accelerator(config: Config) -> str:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if config.accelerator == "auto":
        return next(name for name, there in available.items() if there)
    if not available[config.accelerator]:
        way_out = "PyTorch finds no such device here; use cpu, or install a build of PyTorch for it"
        raise _checks.fail("accelerator", "available", config.accelerator, way_out)
    return config.accelerator


def _num_workers(config: Config) -> int:
    accelerator = _accelerator(config)
    if accelerator == "cpu":
        workers = max(num_cores() // config.devices, 1) if config.workers is None else config.workers
        check_workers(workers, threads_each=config.devices)
        return workers
    found = torch.cuda.device_count() if accelerator == "cuda" else 1
    if config.devices > found:
        raise _checks.fail("devices", f"at most {found}", config.devices, "that is how many PyTorch finds here")
    workers = found // config.devices if config.workers is None else config.workers
    check_workers(workers)
    return workers


def _file_name(method: Method) -> str:
    return spec(method).replace(":", "_").replace(",", "_")


def _frame(records: list[list[Row]]) -> pl.DataFrame:
    return pl.DataFrame([row for rows in records for row in rows], schema=SCHEMA)
