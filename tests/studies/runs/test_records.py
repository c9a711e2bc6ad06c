"""Run directories: resumed, refused, begun again; never mixed and never half written."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.studies.runs import files
from underdamped.studies.runs.records import open_run, read_run

RECORDS = pl.DataFrame({"method": ["SGD", "SGD"], "epoch": [0, 1], "train_loss": [None, float("nan")]})


@dataclass(frozen=True)
class Config:
    """A study's configuration, in small."""

    OPERATIONAL: ClassVar[tuple[str, ...]] = ("workers",)

    data: str = "digits"
    lr: float = 0.1
    seeds: tuple[int, ...] = (0, 1)
    data_dir: Path | None = None
    workers: int = 1


def test_everything_comes_back(tmp_path):
    config = Config(data_dir=Path("somewhere/else"))
    run = open_run(tmp_path / "new" / "run", "images", config)
    assert run.read_records().is_empty()
    run.write_records(RECORDS)
    assert_frame_equal(run.read_records(), RECORDS)
    study, values, records, environment = read_run(run.path)
    assert study == "images"
    assert Config(**values) == config
    assert_frame_equal(records, RECORDS)
    assert environment["seeds"] == [0, 1]
    assert set(environment) >= {"date", "command", "commit", "python", "packages", "processor", "cores"}
    assert environment["packages"]["polars"] == pl.__version__


def test_the_same_configuration_goes_on_and_remembers_where_it_began(tmp_path):
    open_run(tmp_path, "images", Config()).write_records(RECORDS)
    first = read_run(tmp_path)[3]
    for workers in (2, 3):  # how many workers is how, not what
        run = open_run(tmp_path, "images", Config(workers=workers))
    assert_frame_equal(run.read_records(), RECORDS)
    _, values, _, environment = read_run(tmp_path)
    assert values["workers"] == 3
    assert environment["date"] == first["date"]
    assert len(environment["resumed"]) == 2


def test_another_configuration_is_refused_with_every_difference(tmp_path):
    open_run(tmp_path, "images", Config()).write_records(RECORDS)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        ValueError, match=r"lr is 0.1 there and 0.2 here; seeds is \(0, 1\) there and \(0\) here; .*--start-over"
    ):
        open_run(tmp_path, "images", Config(lr=0.2, seeds=(0,), workers=9))
    with pytest.raises(ValueError, match="the study is 'images' there and 'escape' here"):
        open_run(tmp_path, "escape", Config())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_starting_over_deletes_what_a_run_writes_and_nothing_else(tmp_path):
    run = open_run(tmp_path, "images", Config())
    run.write_records(RECORDS)
    (run.checkpoints / "SGD.pt").write_bytes(b"weights")
    (tmp_path / "notes.txt").write_text("mine")
    run = open_run(tmp_path, "images", replace(Config(), lr=0.2), start_over=True)
    assert run.read_records().is_empty()
    assert list(run.checkpoints.iterdir()) == []
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert read_run(tmp_path)[1]["lr"] == 0.2


@pytest.mark.parametrize("start_over", [False, True])
def test_a_directory_of_somebody_elses_files_is_left_alone(tmp_path, start_over):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"`run_dir` must be a run directory, empty, or new.*thesis\.tex"):
        open_run(tmp_path, "images", Config(), start_over=start_over)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_killed_while_it_was_opened_can_be_opened_again(tmp_path):
    (tmp_path / ".config.toml.123.partial").write_bytes(b"stu")
    assert open_run(tmp_path, "images", Config()).read_records().is_empty()


@pytest.mark.parametrize("name", ["config.toml", "records.parquet", "environment.json"])
@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: b"\xff\x00{"])
def test_a_damaged_file_is_named(tmp_path, name, damage):
    open_run(tmp_path, "images", Config()).write_records(RECORDS)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(damage(content))
    for attempt in (lambda: open_run(tmp_path, "images", Config()), lambda: read_run(tmp_path)):
        with pytest.raises(ValueError, match=rf"{name}.*it is damaged.*--start-over"):
            attempt()
    assert open_run(tmp_path, "images", Config(), start_over=True).read_records().is_empty()


@pytest.mark.parametrize("number", range(8))
def test_records_cut_anywhere_are_damaged_and_not_a_crash(tmp_path, number):
    run = open_run(tmp_path, "images", Config())
    run.write_records(RECORDS)
    content = (tmp_path / "records.parquet").read_bytes()
    (tmp_path / "records.parquet").write_bytes(content[: len(content) * number // 8])
    with pytest.raises(ValueError, match="it is damaged"):
        run.read_records()


def test_a_file_in_the_way_of_the_directory(tmp_path):
    (tmp_path / "run").write_text("a file")
    for path in (tmp_path / "run", tmp_path / "run" / "below"):
        with pytest.raises(OSError, match="`run_dir` must be a directory with free space that can be written"):
            open_run(path, "images", Config())


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_directory_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    for path in (tmp_path, tmp_path / "run"):
        with pytest.raises(PermissionError, match="`run_dir` must be a directory with free space that can be written"):
            open_run(path, "images", Config())


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(files.shutil, "disk_usage", lambda folder: files.shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(OSError, match=r"free space.*got '.*run'"):
        open_run(tmp_path / "run", "images", Config())


def test_what_is_not_a_run_is_not_read(tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(FileNotFoundError, match=r"there is no config\.toml in it"):
            read_run(path)


def test_an_old_environment_is_not_needed(tmp_path):
    open_run(tmp_path, "images", Config())
    (tmp_path / "environment.json").unlink()
    assert read_run(tmp_path)[3] == {}
    open_run(tmp_path, "images", Config())
    assert "resumed" not in json.loads((tmp_path / "environment.json").read_text())


def test_the_command_is_recorded_without_where_it_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/home/me/.venv/bin/underdamped", "run", "images", "--run-dir", "a b"])
    open_run(tmp_path / "run", "images", Config())
    *_, environment = read_run(tmp_path / "run")
    assert environment["command"] == "underdamped run images --run-dir 'a b'"
