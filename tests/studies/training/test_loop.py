"""Training equals a plain loop, and goes on bitwise wherever it was stopped."""

import math
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import tiny_images
import watched_images
from underdamped.studies.training.augmentation import Augmentation, batches, channel_statistics, normalize
from underdamped.studies.training.loop import Job, Settings, check_batches, train
from underdamped.studies.training.methods import DMSGMP, HSGMP, SGD, Momentum
from underdamped.studies.training.networks import vgg
from underdamped.studies.training.streams import Purpose, torch_seed

SHIFTS = Augmentation(flip=True, padding=1)


def settings(**options):
    return Settings(**({"epochs": 3, "batch_size": 16, "augmentation": SHIFTS} | options))


def without_seconds(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def state(checkpoint):
    return torch.load(checkpoint, weights_only=True)


def assert_bitwise_equal(one, other):
    assert one["network"].keys() == other["network"].keys()
    for name, value in one["network"].items():
        assert torch.equal(value, other["network"][name]), name
    assert str(one["optimizer"]) == str(other["optimizer"])
    for number, buffers in one["optimizer"]["state"].items():
        for name, value in buffers.items():
            assert torch.equal(value, other["optimizer"]["state"][number][name])
    assert str(without_seconds(one["records"])) == str(without_seconds(other["records"]))


def by_hand(method, options, seed, num_ranks):
    """The same training in plain PyTorch, ranks one after the other; for drop-out 0, which needs no random numbers."""
    data = tiny_images.load()
    statistics = channel_statistics(data.train_images)
    torch.manual_seed(torch_seed(seed, Purpose.WEIGHTS))
    network = vgg(data.image_shape, data.num_classes, options.dropout)
    optimizer = method.optimizer(network.parameters())
    replicas = [vgg(data.image_shape, data.num_classes, options.dropout) for _ in range(num_ranks)]
    for epoch in range(1, options.epochs + 1):
        shares = [
            batches(
                data.train_images, data.train_labels, SHIFTS,
                batch_size=options.batch_size, seed=seed, epoch=epoch, rank=rank, num_ranks=num_ranks,
            )
            for rank in range(num_ranks)
        ]  # fmt: skip
        for share in zip(*shares, strict=True):
            for replica, (images, labels) in zip(replicas, share, strict=True):
                replica.load_state_dict(network.state_dict())
                logits = replica.train()(normalize(torch.from_numpy(images), statistics))
                replica.zero_grad()
                cross_entropy(logits, torch.from_numpy(labels)).backward()
            for weights, *copies in zip(network.parameters(), *(r.parameters() for r in replicas), strict=True):
                weights.grad = sum(copy.grad for copy in copies) / num_ranks
            optimizer.step()
            # The running averages of batch norm are the first rank's.
            for buffer, first in zip(network.buffers(), replicas[0].buffers(), strict=True):
                buffer.copy_(first)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2])
def test_training_is_the_plain_loop(tmp_path, devices):
    """Data shares, averaged gradients, optimiser and batch norm's averages, on one process and on two over gloo."""
    options = settings(epochs=2, batch_size=32, dropout=0.0)
    method = HSGMP(lr=0.05, mass=0.1)
    train(Job(method, 5, tmp_path / "job.pt"), options, tiny_images.load, devices)
    expected = by_hand(method, options, seed=5, num_ranks=devices).state_dict()
    for name, value in state(tmp_path / "job.pt")["network"].items():
        assert torch.equal(value, expected[name]), name


def test_recorded_test_results_are_those_of_the_saved_network(tmp_path):
    rows = train(Job(SGD(), 0, tmp_path / "job.pt"), settings(), tiny_images.load)
    data = tiny_images.load()
    network = vgg(data.image_shape, data.num_classes)
    network.load_state_dict(state(tmp_path / "job.pt")["network"])
    inputs = normalize(torch.from_numpy(data.test_images), channel_statistics(data.train_images))
    logits = network.eval()(inputs).detach().double().numpy()
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -log_probability[np.arange(len(logits)), data.test_labels].mean()
    assert rows[-1]["test_loss"] == pytest.approx(loss, rel=1e-5)
    assert rows[-1]["test_accuracy"] == (logits.argmax(1) == data.test_labels).mean()


def test_records_tell_the_schedule(tmp_path):
    rows = train(Job(DMSGMP(ratio=0.9), 0, tmp_path / "job.pt"), settings(), tiny_images.load)
    assert [(row["epoch"], row["step"]) for row in rows] == [(0, 0), (1, 6), (2, 12), (3, 18)]
    assert rows[0]["train_loss"] is None
    for row in rows:  # what is shown is what the latest step used, m_k for step k = 0, 1, ...
        assert row["mass"] == pytest.approx(0.9 * 0.9 ** max(row["step"] - 1, 0), rel=1e-9)
        assert row["decay"] == pytest.approx(row["mass"] / (row["mass"] + 0.1), rel=1e-9)


def test_a_network_can_learn_its_training_images(tmp_path):
    options = settings(epochs=8, augmentation=Augmentation(flip=False, padding=0), dropout=0.0)
    rows = train(Job(Momentum(), 0, tmp_path / "job.pt"), options, tiny_images.load)
    assert rows[-1]["train_accuracy"] == 1
    assert rows[-1]["test_accuracy"] == 1  # the patch is the same there


BLOCKS_AT_STEP = """
import sys, time
import tiny_images
from pathlib import Path
from torch.optim.optimizer import register_optimizer_step_post_hook
from underdamped.studies.training.methods import DMSGMP
from underdamped.studies.training.loop import Job, train
from studies.training.test_loop import settings

steps = 0
def block(*_):
    global steps
    steps += 1
    if steps == int(sys.argv[2]):
        print("here", flush=True)
        time.sleep(600)

register_optimizer_step_post_hook(block)
train(Job(DMSGMP(), 1, Path(sys.argv[1])), settings(epochs=4), tiny_images.load)
"""


def test_killed_in_the_middle_of_an_epoch_it_goes_on_bitwise(tmp_path):
    """SIGKILL after 2 epochs and 3 of 6 steps of the third."""
    killed, whole = tmp_path / "killed.pt", tmp_path / "whole.pt"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", BLOCKS_AT_STEP, str(killed), "15"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "here\n"
        process.kill()
    assert process.returncode < 0
    assert len(state(killed)["records"]) == 3
    told = []
    train(Job(DMSGMP(), 1, killed), settings(epochs=4), tiny_images.load, report=told.append)
    train(Job(DMSGMP(), 1, whole), settings(epochs=4), tiny_images.load)
    assert_bitwise_equal(state(killed), state(whole))
    assert [len(rows) for rows in told] == [3, 1, 1]


@pytest.mark.parametrize(
    ("method", "precision"), [(Momentum(), "32-true"), (HSGMP(), "bf16-mixed"), (SGD(), "bf16-true")]
)
def test_stopped_between_epochs_it_goes_on_bitwise(tmp_path, method, precision):
    parts, whole = Job(method, 2, tmp_path / "parts.pt"), Job(method, 2, tmp_path / "whole.pt")
    for epochs in (1, 2, 3):
        train(parts, settings(epochs=epochs, precision=precision), tiny_images.load)
    train(whole, settings(precision=precision), tiny_images.load)
    assert_bitwise_equal(state(parts.checkpoint), state(whole.checkpoint))
    expected = torch.bfloat16 if precision == "bf16-true" else torch.float32
    assert {v.dtype for v in state(whole.checkpoint)["network"].values() if v.is_floating_point()} == {expected}


def test_mixed_precision_is_float32_up_to_rounding(tmp_path):
    exact = train(Job(SGD(), 0, tmp_path / "a.pt"), settings(epochs=1), tiny_images.load)
    mixed = train(Job(SGD(), 0, tmp_path / "b.pt"), settings(epochs=1, precision="bf16-mixed"), tiny_images.load)
    assert mixed[0]["test_loss"] != exact[0]["test_loss"]
    assert mixed[0]["test_loss"] == pytest.approx(exact[0]["test_loss"], rel=2**-6)


@pytest.mark.slow
def test_two_devices_go_on_bitwise(tmp_path):
    parts, whole = Job(HSGMP(), 2, tmp_path / "parts.pt"), Job(HSGMP(), 2, tmp_path / "whole.pt")
    for epochs in (1, 2):
        train(parts, settings(epochs=epochs), tiny_images.load, devices=2)
    train(whole, settings(epochs=2), tiny_images.load, devices=2)
    assert_bitwise_equal(state(parts.checkpoint), state(whole.checkpoint))


@pytest.mark.slow
def test_the_network_is_gone_before_its_group_is_left(tmp_path):
    train(Job(SGD(), 0, tmp_path / "job.pt"), settings(epochs=1), partial(watched_images.load, tmp_path), devices=2)
    assert len(list(tmp_path.glob("*.left"))) == 2


def test_seeds_matter_everywhere(tmp_path):
    first, other = (
        train(Job(SGD(), seed, tmp_path / f"{seed}.pt"), settings(epochs=1), tiny_images.load) for seed in (0, 1)
    )
    assert first[0]["test_loss"] != other[0]["test_loss"]
    assert first[1]["train_loss"] != other[1]["train_loss"]


def test_divergence_is_recorded_and_ends_the_job(tmp_path):
    job = Job(SGD(lr=1e30), 0, tmp_path / "job.pt")
    rows = train(job, settings(epochs=5), tiny_images.load)
    assert len(rows) == 2
    assert math.isnan(rows[1]["train_loss"])
    assert math.isnan(rows[1]["test_loss"])
    again = train(job, settings(epochs=5), tiny_images.load)
    assert str(again) == str(rows)


def test_a_damaged_checkpoint_is_named(tmp_path):
    job = Job(SGD(), 0, tmp_path / "job.pt")
    train(job, settings(epochs=1), tiny_images.load)
    content = job.checkpoint.read_bytes()
    job.checkpoint.write_bytes(content[: len(content) // 2])
    with pytest.raises(
        ValueError, match=r"`checkpoint` must be as this run wrote it, got '.*job.pt': it is damaged"
    ) as caught:
        train(job, settings(), tiny_images.load)
    reason = str(caught.value).partition("it is damaged (")[2].partition("); delete it")[0]
    assert 0 < len(reason) <= 80


@pytest.mark.parametrize(
    ("batch_size", "num_devices", "match"),
    [
        (1, 1, r"`batch_size` must be in \[2, 90\], got 1"),
        (91, 1, r"`batch_size` must be in \[2, 90\], got 91"),
        (2, 2, r"`batch_size` must be in \[4, 90\], got 2"),
        (9, 2, "`batch_size` must be a multiple of the 2 devices, got 9"),
    ],
)
def test_impossible_batches_are_refused(batch_size, num_devices, match):
    with pytest.raises(ValueError, match=match):
        check_batches(batch_size, 90, num_devices)
