"""Archives that are cut, damaged or hostile are refused, wherever the damage is."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from underdamped.studies.data.sources import entries, fingerprint

CONTENT = {f"train/a/{k}.png": bytes([k]) * (300 + 100 * k) for k in range(8)}


def tar_bytes(files=CONTENT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read_all(path) -> dict[str, bytes]:
    return {str(entry.path): entry.read() for entry in entries(path) if not entry.is_folder}


COMPRESS = {".tar": bytes, ".tar.gz": gzip.compress, ".tar.xz": lzma.compress, ".tar.bz2": bz2.compress}


@pytest.mark.parametrize("suffix", COMPRESS)
def test_cut_anywhere_is_noticed(tmp_path, suffix):
    path = tmp_path / f"photos{suffix}"
    whole = COMPRESS[suffix](tar_bytes())
    path.write_bytes(whole)
    assert read_all(path) == CONTENT
    # a tar ends in padding, which may be lost without loss
    needed = whole.rstrip(b"\0") if suffix == ".tar" else whole
    cuts = {*range(0, len(needed), max(1, len(needed) // 40)), len(needed) - 1, *range(0, len(needed), 512)}
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="cannot be read to its end as an archive"):
            read_all(path)


def test_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = tmp_path / "photos.tar"
    content = bytearray(tar_bytes())
    content[content.index(b"train/a/3.png")] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read to its end as an archive"):
        read_all(path)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz", ".tar.bz2"])
def test_flipped_bit_is_noticed(tmp_path, suffix):
    path = tmp_path / f"photos{suffix}"
    content = bytearray(COMPRESS[suffix](tar_bytes()))
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read"):
        read_all(path)


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.xz"])
def test_not_an_archive_at_all(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"<html>404</html>" * 100)
    with pytest.raises(ValueError, match=f"{name} cannot be read to its end as an archive"):
        read_all(path)


def test_damaged_zip(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in CONTENT.items():
            archive.writestr(name, content)
    content = bytearray(path.read_bytes())
    assert read_all(path) == CONTENT
    content[content.index(CONTENT["train/a/3.png"]) + 5] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"CRC.*train/a/3\.png"):
        read_all(path)


UNSAFE = ["/etc/a.png", "../a.png", "train/../../a.png", "..\\a.png", "C:\\a.png", "\\\\server\\share\\a.png"]


@pytest.mark.parametrize("name", UNSAFE)
def test_path_out_of_the_archive_is_refused(tmp_path, name):
    (tmp_path / "photos.tar").write_bytes(tar_bytes({**CONTENT, name: b"x"}))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr(name, b"x")
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match="unsafe path"):
            read_all(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_link_in_an_archive_is_refused(tmp_path, kind):
    path = tmp_path / "photos.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("train/a/link.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ValueError, match=r"the link train/a/link\.png"):
        read_all(path)


def test_link_in_a_folder_is_followed_but_not_for_ever(tmp_path):
    (tmp_path / "photos" / "train" / "a").mkdir(parents=True)
    (tmp_path / "elsewhere.png").write_bytes(b"picture")
    (tmp_path / "photos" / "train" / "a" / "1.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "photos" / "loop").symlink_to(tmp_path / "photos")
    assert read_all(tmp_path / "photos")["train/a/1.png"] == b"picture"


def test_fingerprint_follows_names_sizes_and_times(tmp_path):
    file = tmp_path / "train" / "a.png"
    file.parent.mkdir()
    file.write_bytes(b"1")
    seen = {fingerprint(tmp_path)}
    for change in (
        lambda: file.write_bytes(b"22"),
        lambda: (tmp_path / "train" / "b.png").write_bytes(b""),
        lambda: file.rename(tmp_path / "train" / "c.png"),
    ):
        change()
        seen.add(fingerprint(tmp_path))
    assert len(seen) == 4
    assert fingerprint(tmp_path) in seen
