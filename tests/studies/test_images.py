"""The images study on a small part of the digits."""

import dataclasses

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.studies import images
from underdamped.studies.images import QUICK, SCHEMA, Config, check
from underdamped.studies.reporting.pages.images import page
from underdamped.studies.runs.records import open_run, read_run

SMALL = Config(methods=("SGD", "dmSGMP"), seeds=(0, 1), epochs=1, train_size=100, test_size=50)


def run_in(path, config):
    return images.run(config, open_run(path, "images", config))


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return run_in(tmp_path_factory.mktemp("run"), dataclasses.replace(SMALL, workers=1))


@pytest.mark.slow
def test_records_are_as_agreed(records):
    assert dict(records.schema) == SCHEMA
    methods = ["SGD η=0.1", "dmSGMP α=1 m=0.9·0.99ᵏ h=0.1"]
    expected = [(method, seed, epoch) for seed in (0, 1) for method in methods for epoch in (0, 1)]
    assert records.select("method", "seed", "epoch").rows() == expected
    assert records.filter(pl.col("epoch") == 0)["train_loss"].is_null().all()
    assert records.filter(pl.col("epoch") == 1)["step"].unique().to_list() == [2]


@pytest.mark.skipif(images.num_cores() < 2, reason="needs two cores")
@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(records, tmp_path):
    side_by_side = run_in(tmp_path, dataclasses.replace(SMALL, workers=2))
    assert_frame_equal(side_by_side.drop("seconds"), records.drop("seconds"), check_exact=True)


def test_seeds_share_starting_weights_between_methods(records):
    """Methods are compared from the same start."""
    start = records.filter(pl.col("epoch") == 0).group_by("seed").agg(pl.col("test_loss").n_unique())
    assert start["test_loss"].to_list() == [1, 1]


def test_the_presets_are_valid():
    check(Config())
    check(QUICK)
    check(dataclasses.replace(Config(), methods=("table1", "fair")))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"methods": ("hSGPM",)}, "unknown method 'hSGPM': did you mean 'hSGMP'[?]"),
        ({"methods": ()}, "`methods` must be at least one"),
        ({"seeds": (0, 0)}, "`seeds` must be different numbers"),
        ({"seeds": ()}, "`seeds` must be different numbers"),
        ({"seeds": (-1,)}, "`seeds` must be different numbers >= 0"),
        ({"epochs": 0}, "`epochs` must be at least 1, got 0"),
        ({"devices": 0}, "`devices` must be at least 1, got 0"),
        ({"workers": 10**6}, "`workers` must be in"),
        ({"devices": 10**6}, "`devices` must be at most"),
        ({"batch_size": 2000}, r"`batch_size` must be in \[2, 1352\], got 2000"),
        ({"padding": -1}, "`padding` must be non-negative"),
        ({"dropout": 1.0}, "`dropout` must be in"),
        ({"train_size": 10**6}, "`train_size` must be in"),
        ({"test_size": 10**6}, "`test_size` must be in"),
        ({"data": "photographs", "image_size": 4}, "`image_size` must be at least 8, got 4"),
        ({"data": "digit"}, "`data` must be .*did you mean 'digits'[?]"),
        ({"accelerator": "mps" if not images.torch.backends.mps.is_available() else "cuda"}, "`accelerator` must be"),
    ],
)
def test_bad_configurations_are_refused_before_any_work(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(accelerator="cpu"), **change))


def test_images_too_small_for_the_network_name_the_option(monkeypatch):
    digits = images._loader(Config())()
    small = dataclasses.replace(digits, train_images=digits.train_images[:, :4], test_images=digits.test_images[:, :4])
    monkeypatch.setattr(images, "_loader", lambda config: lambda: small)
    with pytest.raises(ValueError, match=r"`data` must be images of at least 8x8 pixels, .*8x4.*--image-size"):
        check(Config(accelerator="cpu"))


def test_augmentation_fits_the_images():
    digits = images._loader(Config())()
    assert images._augmentation(Config(), digits) == images.Augmentation(flip=False, padding=1)
    forced = images._augmentation(Config(flip=True, padding=3), digits)
    assert forced == images.Augmentation(flip=True, padding=3)
    large = dataclasses.replace(digits, train_images=digits.train_images.repeat(4, 1).repeat(4, 2),
                                test_images=digits.test_images.repeat(4, 1).repeat(4, 2))  # fmt: skip
    assert images._augmentation(Config(data="cifar10"), large) == images.Augmentation(
        flip=True, padding=4
    )  # the paper's


def test_gpus_are_taken_in_turn(monkeypatch):
    monkeypatch.setattr(images.torch.cuda, "device_count", lambda: 4)
    assert [images._devices_of_worker("cuda", 1, worker) for worker in range(5)] == [[0], [1], [2], [3], [0]]
    assert [images._devices_of_worker("cuda", 2, worker) for worker in range(3)] == [[0, 1], [2, 3], [0, 1]]
    assert images._devices_of_worker("cpu", 2, 7) == 2


@pytest.mark.slow
def test_one_diverging_method_does_not_stop_the_others(tmp_path):
    config = dataclasses.replace(SMALL, methods=("SGD:lr=1e30", "SGD"), seeds=(0,), epochs=2)
    found = run_in(tmp_path, config).group_by("method", maintain_order=True).agg(
        pl.col("epoch").max(), pl.col("train_loss").last().is_nan().alias("diverged")
    )  # fmt: skip
    assert found.rows() == [("SGD η=1e+30", 1, True), ("SGD η=0.1", 2, False)]


@pytest.mark.slow
def test_a_method_named_twice_is_one_and_does_not_leave_the_run_unfinished(tmp_path):
    config = dataclasses.replace(SMALL, methods=("SGD", "fair"), seeds=(0,))
    run_in(tmp_path, config)
    _, values, records, environment = read_run(tmp_path)
    assert environment["methods"] == ["SGD η=0.1"]
    lead = " ".join(page(records, values, environment).lead)
    assert "not finished" not in lead
    table_1 = [method.name for method in images.parse_methods(("table1", "fair"))]
    lead = " ".join(page(records, values, environment | {"methods": table_1}).lead)
    assert "1 of 11 methods have begun" in lead


def test_checkpoints_have_a_file_each(tmp_path):
    names = {images._file_name(method) for method in images.parse_methods(("table1", "fair"))}
    assert len(names) == 11
    assert all(name.isascii() and not set(name) & set('/\\:*?"<>| ') for name in names)
