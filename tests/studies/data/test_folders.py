"""Image folders and archives: what comes out is what went in, and what cannot come out is named."""

import io
import random
import tarfile
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from underdamped.studies.data import folders
from underdamped.studies.data.folders import load_folder

RNG = np.random.default_rng(0)
CLASSES = ("ant", "bee", "cat")


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def jpeg(size: int = 32) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


PIXELS = {
    f"{split}/{name}/{number}.png": RNG.integers(0, 256, (5, 6, 3), dtype=np.uint8)
    for split, count in (("train", 4), ("test", 2))
    for name in CLASSES
    for number in range(count)
}
FILES = {path: png(pixels) for path, pixels in PIXELS.items()}


def write(folder, files: dict[str, bytes]):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)
    return folder


def tar(path, files: dict[str, bytes], mode: str = "w"):
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.rstrip("/"))
            member.size = len(content)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return path


def zipped(path, files: dict[str, bytes]):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def shuffled(files: dict[str, bytes], top: str = "") -> dict[str, bytes]:
    items = [(top + name, content) for name, content in files.items()]
    random.Random(0).shuffle(items)
    return dict(items)


SOURCES = {
    "folder": lambda tmp: write(tmp / "photos", FILES),
    "folder below one": lambda tmp: write(tmp / "photos", shuffled(FILES, "top/")),
    ".tar": lambda tmp: tar(tmp / "photos.tar", shuffled(FILES)),
    ".tar, ./ first": lambda tmp: tar(tmp / "photos.tar", shuffled(FILES, "./")),
    ".tar.gz": lambda tmp: tar(tmp / "photos.tar.gz", shuffled(FILES), "w:gz"),
    ".tgz below one": lambda tmp: tar(tmp / "photos.tgz", shuffled(FILES, "top/"), "w:gz"),
    ".tar.xz": lambda tmp: tar(tmp / "photos.tar.xz", shuffled(FILES), "w:xz"),
    ".tar.bz2": lambda tmp: tar(tmp / "photos.tar.bz2", shuffled(FILES), "w:bz2"),
    ".zip": lambda tmp: zipped(tmp / "photos.zip", shuffled(FILES, "top/")),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source_gives_the_same_arrays(tmp_path, kind):
    data = load_folder(SOURCES[kind](tmp_path), tmp_path / "cache")
    assert data.classes == CLASSES
    for split, images, labels in (
        ("train", data.train_images, data.train_labels),
        ("test", data.test_images, data.test_labels),
    ):
        expected = {path: pixels for path, pixels in sorted(PIXELS.items()) if path.startswith(split)}
        np.testing.assert_array_equal(images, list(expected.values()))
        assert [CLASSES[label] for label in labels] == [path.split("/")[1] for path in expected]


def test_second_load_maps_the_files_and_decodes_nothing(tmp_path, monkeypatch):
    source = tar(tmp_path / "photos.tar", FILES)
    load_folder(source, tmp_path / "cache")
    monkeypatch.setattr(folders, "survey", None)  # would fail if called
    data = load_folder(source, tmp_path / "cache")
    assert isinstance(data.train_images, np.memmap)
    assert not data.train_images.flags.writeable
    np.testing.assert_array_equal(data.test_images[0], PIXELS["test/ant/0.png"])


@pytest.mark.parametrize("kind", ["folder", ".zip"])
def test_changed_source_is_decoded_again(tmp_path, kind):
    load_folder(SOURCES[kind](tmp_path), tmp_path / "cache")
    other = np.zeros((5, 6, 3), np.uint8)
    changed = FILES | {"test/ant/0.png": png(other)}
    time.sleep(0.02)  # a file system may count time in steps of several milliseconds
    source = write(tmp_path / "photos", changed) if kind == "folder" else zipped(tmp_path / "photos.zip", changed)
    np.testing.assert_array_equal(load_folder(source, tmp_path / "cache").test_images[0], other)


def test_read_only_source(tmp_path):
    source = write(tmp_path / "photos", FILES)
    before = sorted(source.rglob("*"))
    load_folder(source, tmp_path / "cache")
    assert sorted(source.rglob("*")) == before


def test_more_images_than_fit_in_one_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "BATCH", 5)
    data = load_folder(tar(tmp_path / "photos.tar", shuffled(FILES)), tmp_path / "cache")
    np.testing.assert_array_equal(data.train_images[7], PIXELS["train/bee/3.png"])


def mode_files(train_mode: str, test_mode: str) -> dict[str, bytes]:
    def content(mode: str) -> bytes:
        buffer = io.BytesIO()
        Image.new("L", (4, 4), 200).convert(mode).save(buffer, "PNG")
        return buffer.getvalue()

    return {"train/a/1.png": content(train_mode), "test/a/1.png": content(test_mode)}


@pytest.mark.parametrize(
    ("modes", "channels"),
    [(("L", "L"), 1), (("L", "LA"), 1), (("L", "RGB"), 3), (("RGB", "L"), 3), (("RGBA", "P"), 3)],
)
def test_grey_only_if_all_are_grey(tmp_path, modes, channels):
    data = load_folder(write(tmp_path / "photos", mode_files(*modes)), tmp_path / "cache")
    assert data.image_shape == (4, 4, channels)
    assert (data.train_images == 200).all()
    assert (data.test_images == 200).all()


def test_sixteen_bits_are_refused(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(np.full((4, 4), 40_000, np.uint16)).save(buffer, "PNG")
    files = mode_files("L", "L") | {"train/a/deep.png": buffer.getvalue()}
    with pytest.raises(ValueError, match=r"train/a/deep\.png has pixels of Pillow's mode 'I;16'"):
        load_folder(write(tmp_path / "photos", files), tmp_path / "cache")


def test_odd_size_is_named_with_the_way_out(tmp_path):
    files = FILES | {"train/bee/2.png": png(np.zeros((7, 6, 3), np.uint8))}
    with pytest.raises(ValueError, match=r"train/bee/2\.png is 6x7 and 17 of 18 are 6x5: give image_size=5"):
        load_folder(write(tmp_path / "photos", files), tmp_path / "cache")


def test_image_size_scales_and_crops_the_centre(tmp_path):
    striped = np.zeros((8, 16, 3), np.uint8)
    striped[:, 4:12] = 255  # the centred square is white
    files = FILES | {"train/ant/0.png": png(striped)}
    source = write(tmp_path / "photos", files)
    data = load_folder(source, tmp_path / "cache", image_size=4)
    assert data.image_shape == (4, 4, 3)
    assert data.train_images[0].min() > 240
    assert load_folder(source, tmp_path / "cache", image_size=3).image_shape == (3, 3, 3)
    with pytest.raises(ValueError, match="`image_size` must be at least 1, got 0"):
        load_folder(source, tmp_path / "cache", image_size=0)


def test_clutter_is_passed_over(tmp_path):
    clutter = {
        "README.md": b"read me",
        "train/.DS_Store": b"x",
        "train/ant/Thumbs.db": b"x",
        "train/ant/._0.png": b"x",
        "__MACOSX/train/ant/0.png": b"x",
        "labels/ant.png": b"not looked at",
    }
    data = load_folder(zipped(tmp_path / "photos.zip", FILES | clutter), tmp_path / "cache")
    assert len(data.train_images) == 12


def without(prefix: str) -> dict[str, bytes]:
    return {name: content for name, content in FILES.items() if not name.startswith(prefix)}


BAD_LAYOUTS = {
    "no test": (without("test"), "must hold the folders train and test.*found train"),
    "nothing": ({"readme.txt": b""}, "must hold the folders train and test.*found no folder"),
    "official files": ({"cifar-10-batches-bin/data_batch_1.bin": b""}, "give the name cifar10"),
    "two candidates": (
        {top + name: content for top in ("a/", "b/") for name, content in FILES.items()},
        "found 2 folders that hold both",
    ),
    "empty class": (without("train/bee") | {"train/bee/": b""}, "class folder train/bee holds no image"),
    "class of text": (without("test/bee") | {"test/bee/notes.txt": b""}, "class folder test/bee holds no image"),
    "classes differ": (without("test/bee"), "'bee' is in train and not in test: add"),
    "two differ": (
        without("train/bee") | {"train/wasp/1.png": FILES["train/ant/0.png"]},
        r"'bee' is in test and not in train \(and 1 more differ\)",
    ),
    "no class": ({"train/readme.txt": b"", "test/readme.txt": b""}, "train holds no class folder"),
    "nested": (FILES | {"train/ant/red/1.png": FILES["train/ant/0.png"]}, r"train/ant/red.* is out of place"),
    "loose": (FILES | {"test/7.png": FILES["train/ant/0.png"]}, r"test/7\.png is out of place"),
}


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize("case", BAD_LAYOUTS)
def test_bad_layout(tmp_path, case, kind):
    files, message = BAD_LAYOUTS[case]
    source = write(tmp_path / "photos", files) if kind == "folder" else tar(tmp_path / "photos.tar", files)
    with pytest.raises(ValueError, match=message):
        load_folder(source, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("kind", ["folder", "tar", "zip"])
@pytest.mark.parametrize("damage", ["text", "empty", "cut JPEG", "cut PNG"])
def test_damaged_image_is_named_and_nothing_is_left(tmp_path, kind, damage):
    bad, content = {
        "text": ("train/cat/bad.png", b"this is not an image"),
        "empty": ("train/cat/bad.png", b""),
        "cut JPEG": ("train/cat/bad.jpg", jpeg()[:-200]),
        "cut PNG": ("train/cat/bad.png", png(RNG.integers(0, 256, (32, 32, 3), dtype=np.uint8))[:-500]),
    }[damage]
    same_size = {f"{split}/{name}/1.jpg": jpeg() for split in ("train", "test") for name in CLASSES}
    files = same_size | {bad: content}
    make = {"folder": write, "tar": tar, "zip": zipped}[kind]
    source = make(tmp_path / ("photos" if kind == "folder" else f"photos.{kind}"), files)
    with pytest.raises(ValueError, match=f"the image {bad} cannot be read .*replace or remove the file"):
        load_folder(source, tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))
    assert not list((tmp_path / "cache").glob(".*"))


def test_broken_link_is_named(tmp_path):
    source = write(tmp_path / "photos", FILES)
    (source / "train/ant/9.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"the image train/ant/9\.png cannot be read .*No such file"):
        load_folder(source, tmp_path / "cache")


def test_image_that_goes_while_reading_is_noticed(tmp_path, monkeypatch):
    source = write(tmp_path / "photos", FILES)
    survey = folders.survey

    def survey_then_lose_one(*args):
        layout = survey(*args)
        (source / "test/bee/1.png").unlink()
        return layout

    monkeypatch.setattr(folders, "survey", survey_then_lose_one)
    with pytest.raises(ValueError, match=r"changed while it was read \(test/bee/1\.png is gone\)"):
        load_folder(source, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
