"""The front door: names, paths, and what is said about those that are wrong."""

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits as sklearn_digits

from underdamped.studies.data import default_data_dir, fetch, load_images


def test_digits_are_scikit_learns():
    data = load_images("digits")
    bunch = sklearn_digits()
    assert data.image_shape == (8, 8, 1)
    images = np.concatenate([data.train_images, data.test_images])[..., 0]
    labels = np.concatenate([data.train_labels, data.test_labels])
    levels = np.rint(images / 255 * 16)  # 17 grey levels, spread and brought back

    def table(images, labels):
        rows = np.column_stack([labels, images.reshape(len(images), -1)])
        return rows[np.lexsort(rows.T)]

    np.testing.assert_array_equal(table(levels, labels), table(bunch.images, bunch.target))
    assert images.max() == 255


def test_digits_split_is_stratified():
    data = load_images("digits")
    train, test = np.bincount(data.train_labels), np.bincount(data.test_labels)
    np.testing.assert_array_equal(test, (train + test) // 4)


def test_path_of_a_folder(tmp_path):
    for split in ("train", "test"):
        for k, name in enumerate("ab"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            Image.new("RGB", (4, 4), (100 * k, 0, 0)).save(folder / "1.png")
    data = load_images(str(tmp_path / "photos"), tmp_path / "data")
    assert data.name == "photos"
    assert data.train_images[:, 0, 0, 0].tolist() == [0, 100]
    assert (tmp_path / "data" / "cache").is_dir()


@pytest.mark.parametrize(
    ("name", "advice"), [("digit", "'digits'"), ("cifar-10", "'cifar10'"), ("banana", "digits, cifar10")]
)
def test_unknown_name(tmp_path, name, advice):
    with pytest.raises(ValueError, match=f"`data` must be .*got '{name}'.*{advice}"):
        load_images(name, tmp_path)


@pytest.mark.parametrize("name", ["no/such/folder", "absent.tar.gz"])
def test_path_that_does_not_exist(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=name):
        load_images(name, tmp_path)


def test_file_that_is_no_archive(tmp_path):
    path = tmp_path / "photos.rar"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"must be an archive of type \.tar"):
        load_images(str(path), tmp_path)


def test_image_size_of_a_named_set(tmp_path):
    with pytest.raises(ValueError, match="`image_size` must be None"):
        load_images("digits", tmp_path, image_size=16)


def test_offline_cifar10_says_how_to_fetch(tmp_path):
    with pytest.raises(FileNotFoundError, match="underdamped data fetch cifar10"):
        load_images("cifar10", tmp_path, offline=True)


def test_fetch_names(tmp_path):
    with pytest.raises(ValueError, match="comes with scikit-learn"):
        fetch("digits", tmp_path)
    with pytest.raises(ValueError, match="did you mean 'cifar10'"):
        fetch("cifar-10", tmp_path)


def test_default_data_dir(monkeypatch, tmp_path):
    monkeypatch.setenv("UNDERDAMPED_DATA", str(tmp_path))
    assert default_data_dir() == tmp_path
    monkeypatch.delenv("UNDERDAMPED_DATA")
    assert default_data_dir().name == "underdamped"
