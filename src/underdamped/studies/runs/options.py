"""What a study is asked to do: values from its defaults, from a TOML file and from the command line."""

import dataclasses
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from underdamped import _checks


@dataclass(frozen=True)
class Place:
    """Where a study runs."""

    run_dir: Path
    """Directory for everything about this run. A run that was interrupted there is gone on with."""
    start_over: bool = False
    """Delete the run that is in the directory, and begin again."""


@dataclass(frozen=True)
class Defaults:
    """Where the values of options that are not given come from."""

    quick: bool = False
    """Small and short: everything once, in seconds. Other options win over it."""
    config: Path | None = None
    """TOML file with values of options, such as config.toml of a run directory. Other options win over it."""


@dataclass(frozen=True)
class RunOptions(Defaults, Place):
    """Options of every study."""


def read_to_run(name: str, study: Any, words: list[str]) -> tuple[RunOptions, Any]:
    """Where to run a study, and its configuration, from the words after its name."""
    options = RunOptions(run_dir=Path("runs", name))
    given = _first_look(options, words)
    if given.quick:
        options = RunOptions(run_dir=Path("runs", f"{name}-quick"))
    return _read("run", name, study, words, options, given)


def read_to_check(name: str, study: Any, words: list[str]) -> Any:
    """The configuration of a study that is not run, from the words after its name."""
    options = Defaults()
    return _read("check", name, study, words, options, _first_look(options, words))[1]


def _first_look(options: Any, words: list[str]) -> Any:
    """The options common to all studies, whatever else is among the words: they say where defaults come from."""
    return tyro.cli(type(options), args=words, default=options, return_unknown_args=True, add_help=False)[0]


def _read(command: str, name: str, study: Any, words: list[str], options: Any, given: Any) -> tuple[Any, Any]:
    """Everything, once it is known where defaults come from: the help shows them."""
    default = study.QUICK if given.quick else study.Config()
    if given.config is not None:
        default = _with_file(default, name, given.config)
    prog = f"underdamped {command} {name}"
    both = dataclasses.make_dataclass("Both", [(command, type(options)), (name, study.Config)], frozen=True)
    style = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    chosen = tyro.cli(
        both, args=words, default=both(options, default), prog=prog, description=study.__doc__, config=style
    )
    return getattr(chosen, command), getattr(chosen, name)


def _with_file(default: Any, study: str, path: Path) -> Any:
    """``default`` with the values of a TOML file, plain or as a run directory has it (under ``[config]``)."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise _checks.fail("config", "a TOML file", str(path), reason[0].lower() + reason[1:]) from None
    if document.get("study", study) != study:
        raise _checks.fail("config", f"of the study {study!r}", str(path), f"it is of {document['study']!r}")
    values = dict(document.get("config", {key: value for key, value in document.items() if key != "study"}))
    values |= dict.fromkeys(document.get("unset", []) if "config" in document else [])
    known = [field.name for field in dataclasses.fields(default)]
    for key in values:
        if key not in known:
            raise ValueError(f"unknown key {key!r} in {path}: {_checks.suggestion(key, known)}")
    # As words of a command line: so one parser decides what is valid, whoever gave it.
    words = [word for key, value in values.items() for word in _as_words(key, value)]
    try:
        style = (tyro.conf.FlagConversionOff,)
        return tyro.cli(type(default), args=words, default=default, prog=f"underdamped run {study}", config=style)
    except SystemExit:
        print(f"underdamped: the value is in {path}", file=sys.stderr)
        raise


def _as_words(key: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [f"--{key.replace('_', '-')}", *map(str, values)]
