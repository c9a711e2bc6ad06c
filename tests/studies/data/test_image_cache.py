"""The cache is whole or absent: interrupted, short of space, raced or damaged."""

import json
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from underdamped.studies.data import image_cache
from underdamped.studies.data.image_cache import RowWriter, cache_path, new_cache, open_cache

SHAPE = (4, 4, 1)
LABELS = {"train": np.array([0, 1, 1]), "test": np.array([0, 1])}
IMAGES = {
    split: np.random.default_rng(len(split)).integers(0, 256, (len(y), *SHAPE), np.uint8) for split, y in LABELS.items()
}


def fill(path) -> None:
    with new_cache(path, ("a", "b"), LABELS, SHAPE) as rows:
        for split, images in IMAGES.items():
            for row in reversed(range(len(images))):
                rows[split][row] = images[row]


def test_round_trip_in_any_order(tmp_path):
    path = tmp_path / "deep" / "cache" / "my-photos-0123"
    fill(path)
    data = open_cache(path)
    assert (data.name, data.classes) == ("my-photos", ("a", "b"))
    for split in LABELS:
        np.testing.assert_array_equal(getattr(data, f"{split}_images"), IMAGES[split])
        np.testing.assert_array_equal(getattr(data, f"{split}_labels"), LABELS[split])
    assert os.listdir(path.parent) == [path.name]


def test_interruption_leaves_nothing(tmp_path):
    path = tmp_path / "photos-0"

    def interrupted() -> None:
        with new_cache(path, ("a", "b"), LABELS, SHAPE) as rows:
            rows["train"][0] = IMAGES["train"][0]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert os.listdir(tmp_path) == []


def test_first_to_finish_wins(tmp_path):
    path = tmp_path / "photos-0"
    with new_cache(path, ("a", "b"), LABELS, SHAPE):
        fill(path)  # meanwhile, elsewhere
    np.testing.assert_array_equal(open_cache(path).train_images, IMAGES["train"])
    assert os.listdir(tmp_path) == [path.name]


def test_disk_too_small_is_seen_before_the_work(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 21, 79))
    with pytest.raises(OSError, match=r"are needed.*--data-dir"):  # 5 images of 16 bytes
        fill(tmp_path / "photos-0")
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(100, 20, 80))
    fill(tmp_path / "photos-0")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_disk_that_fills_up_is_an_error_not_a_crash():
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        RowWriter(file, (2, *SHAPE))[0] = IMAGES["train"][0]


def test_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"cannot be written to .*--data-dir"):
        fill(tmp_path / "file" / "photos-0")


@pytest.mark.parametrize("name", ["train_images.npy", "test_labels.npy", "about.json"])
def test_damaged_cache_says_what_to_remove(tmp_path, name):
    path = tmp_path / "photos-0"
    fill(path)
    file = path / name
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match="is damaged") as failure:
        open_cache(path)
    assert str(path) in str(failure.value)


def test_labels_beyond_the_classes_are_damage(tmp_path):
    path = tmp_path / "photos-0"
    fill(path)
    (path / "about.json").write_text(json.dumps({"name": "photos", "classes": ["a"]}))
    with pytest.raises(ValueError, match="is damaged"):
        open_cache(path)


def test_identity(tmp_path, monkeypatch):
    paths = {
        cache_path(tmp_path, tmp_path / "a" / "photos", "1", None),
        cache_path(tmp_path, tmp_path / "b" / "photos", "1", None),
        cache_path(tmp_path, tmp_path / "a" / "photos", "2", None),
        cache_path(tmp_path, tmp_path / "a" / "photos", "1", 32),
    }
    monkeypatch.setattr(image_cache, "FORMAT", image_cache.FORMAT + 1)
    paths.add(cache_path(tmp_path, tmp_path / "a" / "photos", "1", None))
    assert len(paths) == 5
    assert {path.parent for path in paths} == {tmp_path}
