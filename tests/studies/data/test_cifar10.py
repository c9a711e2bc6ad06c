"""The official CIFAR-10 files, from small ones written here by the format's own description."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from mirror import Mirror, serve
from underdamped.studies.data.cifar10 import FOLDER, OFFICIAL, Distribution, fetch_cifar10, load_cifar10
from underdamped.studies.data.downloads import Download

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORDS = 7
FILES = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def batch(seed: int) -> tuple[list[int], np.ndarray, bytes]:
    """Labels, pixels (N, H, W, C) and the file that holds them: label, then all red, all green, all blue, by rows."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, RECORDS).tolist()
    pixels = rng.integers(0, 256, (RECORDS, 32, 32, 3), dtype=np.uint8)
    content = b""
    for label, image in zip(labels, pixels, strict=True):
        content += bytes([label])
        for channel in range(3):
            content += bytes(image[row, column, channel] for row in range(32) for column in range(32))
    return labels, pixels, content


BATCHES = {name: batch(k) for k, name in enumerate(FILES)}


@pytest.fixture(scope="module")
def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        contents = {name: content for name, (_, _, content) in BATCHES.items()}
        for name, content in {**contents, "batches.meta.txt": "\n".join(NAMES).encode() + b"\n\n"}.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def distribution(archive: bytes, *urls: str) -> Distribution:
    return Distribution(Download("cifar-10-binary.tar.gz", urls, hashlib.md5(archive).hexdigest()), RECORDS)


def check(data) -> None:
    assert data.classes == NAMES
    assert data.image_shape == (32, 32, 3)
    np.testing.assert_array_equal(data.train_labels, np.concatenate([BATCHES[name][0] for name in FILES[:5]]))
    np.testing.assert_array_equal(data.train_images, np.concatenate([BATCHES[name][1] for name in FILES[:5]]))
    np.testing.assert_array_equal(data.test_labels, BATCHES[FILES[5]][0])
    np.testing.assert_array_equal(data.test_images, BATCHES[FILES[5]][1])


def extract(archive: bytes, folder) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def test_official_distribution():
    assert OFFICIAL.download.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert OFFICIAL.download.urls[0] == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert len(OFFICIAL.download.urls) > 1
    assert OFFICIAL.records == 10_000


def test_downloaded_then_offline(tmp_path, archive):
    with serve(Mirror(archive)) as mirror:
        source = distribution(archive, mirror.url)
        check(load_cifar10(tmp_path, distribution=source))
    check(load_cifar10(tmp_path, offline=True, distribution=source))
    check(load_cifar10(tmp_path, distribution=source))  # the mirror is gone: nothing is asked of it
    assert mirror.asked == [None]
    assert fetch_cifar10(tmp_path, source) == tmp_path / "cifar-10-binary.tar.gz"


def test_extracted_folder_needs_no_network(tmp_path, archive):
    extract(archive, tmp_path)
    source = distribution(archive, "http://127.0.0.1:9/nobody")
    check(load_cifar10(tmp_path, distribution=source))
    assert fetch_cifar10(tmp_path, source) == tmp_path / FOLDER


def test_offline_and_absent_says_how_to_fetch(tmp_path, archive):
    with serve(Mirror(archive)) as mirror, pytest.raises(FileNotFoundError) as failure:
        load_cifar10(tmp_path, offline=True, distribution=distribution(archive, mirror.url))
    assert "underdamped data fetch cifar10" in str(failure.value)
    assert str(tmp_path / "cifar-10-binary.tar.gz") in str(failure.value)
    assert mirror.asked == []


def test_offline_with_wrong_archive(tmp_path, archive):
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(archive[:-1])
    with pytest.raises(ValueError, match="wrong checksum") as failure:
        load_cifar10(tmp_path, offline=True, distribution=distribution(archive))
    assert str(path) in str(failure.value)


@pytest.mark.parametrize("cut", [1, 3073])  # inside a record, and at its end
def test_truncated_file_is_named(tmp_path, archive, cut):
    extract(archive, tmp_path)
    path = tmp_path / FOLDER / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ValueError, match="truncated") as failure:
        load_cifar10(tmp_path, distribution=distribution(archive))
    assert str(path) in str(failure.value)


def test_label_out_of_range_is_named(tmp_path, archive):
    extract(archive, tmp_path)
    path = tmp_path / FOLDER / "test_batch.bin"
    content = bytearray(path.read_bytes())
    content[2 * 3073] = 10
    path.write_bytes(content)
    with pytest.raises(ValueError, match="record 2 has the label 10") as failure:
        load_cifar10(tmp_path, distribution=distribution(archive))
    assert str(path) in str(failure.value)


def test_missing_file_is_named(tmp_path, archive):
    extract(archive, tmp_path)
    (tmp_path / FOLDER / "data_batch_5.bin").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks data_batch_5\.bin"):
        load_cifar10(tmp_path, distribution=distribution(archive))
