"""The run directory: what was asked (config.toml), measured (records.parquet), and where (environment.json)."""

import io
import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from underdamped import _checks
from underdamped.studies.runs.configuration import config_values, differences, from_toml, to_toml
from underdamped.studies.runs.environment import describe_environment
from underdamped.studies.runs.files import check_free_space, is_partial, write_atomically

__all__ = ["Run", "open_run", "read_run", "write_atomically"]

CONFIG, ENVIRONMENT, RECORDS = "config.toml", "environment.json", "records.parquet"
CHECKPOINTS, FIGURES, REPORT = "checkpoints", "figures", "report.html"
_NEEDED_SPACE = 32 * 2**20  # bytes, for records and a report with room to spare; a checkpoint is checked when written


@dataclass(frozen=True)
class Run:
    """An open run directory.

    Attributes:
        path: The directory.
        study: Name of the study whose records it holds.

    Example:
        >>> import tempfile
        >>> @dataclass(frozen=True)
        ... class Config:
        ...     epochs: int = 2
        >>> run = open_run(Path(tempfile.mkdtemp()) / "first", "images", Config())
        >>> run.write_records(pl.DataFrame({"epoch": [0, 1], "loss": [2.3, 0.7]}))
        >>> run.read_records()["loss"].to_list()
        [2.3, 0.7]
    """

    path: Path
    study: str

    @property
    def checkpoints(self) -> Path:
        """Folder for checkpoints; it exists."""
        folder = self.path / CHECKPOINTS
        folder.mkdir(exist_ok=True)
        return folder

    def write_records(self, records: pl.DataFrame) -> None:
        """Replace all records by these, atomically; an ``OSError`` that names the file leaves the old ones."""
        buffer = io.BytesIO()
        records.write_parquet(buffer)
        write_atomically(self.path / RECORDS, buffer.getvalue())

    def add_facts(self, **facts: Any) -> None:
        """Add what the study resolved its configuration to, such as ``methods=[...]``, to the environment's file."""
        environment = _read_environment(self.path) | facts
        write_atomically(self.path / ENVIRONMENT, (json.dumps(environment, indent=2) + "\n").encode())

    def read_records(self) -> pl.DataFrame:
        """The records written so far: a frame without columns before the first write; ``ValueError`` if damaged."""
        return _read_records(self.path)


def open_run(path: Path | str, study: str, config: Any, *, start_over: bool = False) -> Run:
    """Begin a run in ``path``, or go on with the one that is there.

    A directory with the same configuration is resumed. One with another configuration is refused, so that records of
    two experiments never mix; only fields named in the configuration's class attribute ``OPERATIONAL`` (how it is
    computed, not what: workers, devices) may differ. Nothing is computed before the directory has been written to.

    Args:
        path: The run directory; made if missing.
        study: Name of the study.
        config: An instance of the study's frozen dataclass, with fields of type str, int, float, bool, Path, None, or
            tuples of these.
        start_over: Delete the run that is in ``path`` (the files a run writes, nothing else) and begin again.

    Returns:
        The open run.

    Raises:
        TypeError: If ``config`` is not such a dataclass.
        ValueError: If ``path`` holds another configuration, a damaged file, or files that are not a run's.
        OSError: If ``path`` cannot be written, or the disk is full.

    Example:
        >>> import tempfile
        >>> @dataclass(frozen=True)
        ... class Config:
        ...     epochs: int = 2
        >>> path = Path(tempfile.mkdtemp())
        >>> open_run(path, "images", Config()).study
        'images'
        >>> open_run(path, "images", Config(epochs=3))  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        ValueError: `run_dir` must be new or hold this very configuration, got '...': epochs is 2 there and 3 here; ...
    """
    path = Path(path)
    values = config_values(config)
    try:
        path.mkdir(parents=True, exist_ok=True)
        entries = [entry for entry in path.iterdir() if not is_partial(entry)]
        check_free_space(path, _NEEDED_SPACE)
    except OSError as problem:
        raise _unusable(path, problem) from problem

    starts: list[dict[str, Any]] = []
    if (path / CONFIG).is_file():
        if start_over:
            try:
                _clear(path)
            except OSError as problem:
                raise _unusable(path, problem) from problem
        else:
            _refuse_another(path, study, values, getattr(type(config), "OPERATIONAL", ()))
            _read_records(path)  # a damaged file is better known before the work than after
            starts = [_read_environment(path)] if (path / ENVIRONMENT).is_file() else []
    elif entries:
        names = ", ".join(sorted(entry.name for entry in entries)[:3])
        raise _checks.fail(
            "run_dir", "a run directory, empty, or new", str(path), f"it holds other files ({names}); choose another"
        )

    environment = describe_environment(values)
    if starts:  # what began elsewhere stays known: the first start on top, the later ones in order
        first = starts[0]
        environment = first | {"resumed": [*first.get("resumed", []), environment]}
    try:
        write_atomically(path / CONFIG, to_toml(study, values))
        write_atomically(path / ENVIRONMENT, (json.dumps(environment, indent=2) + "\n").encode())
    except OSError as problem:
        raise _unusable(path, problem) from problem
    return Run(path, study)


def read_run(path: Path | str) -> tuple[str, dict[str, Any], pl.DataFrame, dict[str, Any]]:
    """What a run directory holds; nothing is written.

    Args:
        path: The run directory.

    Returns:
        Name of the study, configuration (as given: tuples, None and paths too), records, environment.

    Raises:
        FileNotFoundError: If ``path`` is not a run directory.
        ValueError: If one of its files is damaged.
    """
    path = Path(path)
    if not (path / CONFIG).is_file():
        way_out = f"there is no {CONFIG} in it; `underdamped run STUDY --run-dir {path}` makes one"
        raise _checks.fail("run_dir", "a run directory", str(path), way_out, FileNotFoundError)
    study, config = _read_config(path)
    environment = _read_environment(path) if (path / ENVIRONMENT).is_file() else {}
    return study, config, _read_records(path), environment


def _read_config(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        return from_toml((path / CONFIG).read_bytes())
    except (ValueError, TypeError) as problem:
        raise _damaged(path / CONFIG, problem) from problem


def _read_records(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path / RECORDS) if (path / RECORDS).is_file() else pl.DataFrame()
    except (pl.exceptions.PolarsError, ValueError) as problem:
        raise _damaged(path / RECORDS, problem) from problem


def _read_environment(path: Path) -> dict[str, Any]:
    try:
        environment = json.loads((path / ENVIRONMENT).read_text(encoding="utf-8"))
    except ValueError as problem:
        raise _damaged(path / ENVIRONMENT, problem) from problem
    if not isinstance(environment, dict):
        raise _damaged(path / ENVIRONMENT, "it is not a JSON object")
    return environment


def _refuse_another(path: Path, study: str, values: Mapping[str, Any], operational: Collection[str]) -> None:
    old_study, old_values = _read_config(path)
    if old_study != study:
        found = [f"the study is {old_study!r} there and {study!r} here"]
    else:
        found = differences(old_values, values, ignore=operational)
    if found:
        way_out = "; ".join(found) + "; add --start-over to delete that run, or give another --run-dir"
        raise _checks.fail("run_dir", "new or hold this very configuration", str(path), way_out)


def _clear(path: Path) -> None:
    """Delete what a run writes. The configuration goes last: it is what marks the directory as a run's."""
    for name in (CHECKPOINTS, FIGURES, REPORT, RECORDS, ENVIRONMENT):
        entry = path / name
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)


def _damaged(file: Path, reason: object) -> Exception:
    first_line = (str(reason).splitlines() or [type(reason).__name__])[0]
    way_out = f"it is damaged ({first_line}); restore it, or add --start-over to begin the run again"
    return _checks.fail("run_dir", f"a run directory with a readable {file.name}", str(file), way_out)


def _unusable(path: Path, problem: OSError) -> OSError:
    way_out = f"{problem.strerror or problem}; give another --run-dir, or mend that"
    error = _checks.fail("run_dir", "a directory with free space that can be written", str(path), way_out)
    return OSError(problem.errno, str(error))
