"""The command line: `underdamped list | run STUDY | check STUDY | demo | report RUN_DIR | data fetch NAME`."""

import contextlib
import importlib
import itertools
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from underdamped import __version__, _checks

# Nothing heavy is imported up here: `underdamped list` and `--help` answer at once, without any extra installed.

USAGE = """\
underdamped: stochastic optimisation with momentum that can be lost

  underdamped list                 the studies, and the figures of the paper that they reproduce
  underdamped run STUDY            run a study: records, figures and a report in a run directory
  underdamped check STUDY          what the theory says about a study's problems, before it is run
  underdamped demo                 run all studies at reduced size, and write one report of them
  underdamped report RUN_DIR       write the report of a run again
  underdamped data fetch NAME      download a data set (cifar10), for use without a network
  underdamped --version

Each command explains its options with --help. Errors are one line; with UNDERDAMPED_TRACEBACK=1 they show their origin.
"""

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The words after ``underdamped``; those of the process by default.

    Returns:
        The exit status: 0, 1 if a study of the demonstration failed, 2 for what the user can mend, 130 after Ctrl-C.

    Example:
        >>> main(["--version"])
        underdamped 0.1.0
        0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _plain_warnings():
            return _dispatch(words)
    except ModuleNotFoundError as problem:
        missing = (problem.name or "").partition(".")[0]
        if missing == "underdamped":
            raise
        reason = f"{missing} is not installed" if missing else str(problem)
        return _complain(f'{reason}; this command needs: pip install "underdamped[torch,jax,studies]"')
    except (ValueError, OSError) as problem:
        if os.environ.get("UNDERDAMPED_TRACEBACK"):
            raise
        return _complain(_text(problem))
    except KeyboardInterrupt:
        again = [word for word in words if word != "--start-over"]
        print(f"\nInterrupted. To go on from there: underdamped {shlex.join(again)}", file=sys.stderr)
        return EXIT_INTERRUPTED


def _dispatch(words: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], int]] = {
        "list": _list,
        "run": _run,
        "check": _check,
        "demo": _demo,
        "report": _report,
        "data": _data,
    }
    match words:
        case [] | ["-h" | "--help"]:
            print(USAGE, end="")
            return 0
        case ["--version"]:
            print(f"underdamped {__version__}")
            return 0
        case [name, *rest] if name in commands:
            return commands[name](rest)
        case [name, *_]:
            raise ValueError(f"unknown command {name!r}: {_checks.suggestion(name, commands)}")
    raise AssertionError(words)


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings to the user in one line, without the place in the source that they come from; others as they were."""
    before = warnings.formatwarning

    def shown(message: Any, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
        if category is UserWarning:
            return f"underdamped: warning: {message}\n"
        return before(message, category, filename, lineno, line)

    warnings.formatwarning = shown
    try:
        yield
    finally:
        warnings.formatwarning = before


def _complain(message: str) -> int:
    print(f"underdamped: {message}", file=sys.stderr)
    return EXIT_USAGE


def _text(problem: ValueError | OSError) -> str:
    """The message; of the system's errors without their number."""
    if not isinstance(problem, OSError) or problem.strerror is None:
        return str(problem)
    return problem.strerror if problem.filename is None else f"{problem.strerror}: {problem.filename}"


def _list(words: list[str]) -> int:
    from underdamped.studies import STUDIES

    if words:
        raise _checks.fail("list", "alone", " ".join(words), "`underdamped run STUDY --help` explains one study")
    for name, line in STUDIES.items():
        print(f"{name:12}{line}")
    return 0


def _run(words: list[str]) -> int:
    if (named := _named_study(words)) is None:
        return _usage_of("run", words)
    name, study = named
    from underdamped.studies.runs.options import read_to_run
    from underdamped.studies.runs.records import open_run

    options, config = read_to_run(name, study, words[1:])
    study.check(config)
    run = open_run(options.run_dir, name, config, start_over=options.start_over)
    records = study.run(config, run)
    _show_summary(name, records)
    return _write_report(run.path)


def _check(words: list[str]) -> int:
    if (named := _named_study(words)) is None:
        return _usage_of("check", words)
    name, study = named
    from underdamped.studies.runs.options import read_to_check

    config = read_to_check(name, study, words[1:])
    if not hasattr(study, "problems"):
        print(f"The study {name!r} states no problem whose curvatures are known: there is nothing to check.")
        return 0
    study.check(config)
    groups = itertools.groupby(study.problems(config), key=lambda problem: problem.name)
    for number, (_, cases) in enumerate(groups):
        _show_theory(list(cases), first=number == 0)
    return 0


def _show_theory(cases: list[Any], *, first: bool) -> None:
    """A table on a terminal, a line for each answer elsewhere: those can be searched and compared."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from underdamped.studies.setting import what_theory_says_of_all

    console = Console()
    answers = what_theory_says_of_all(cases)
    if console.is_terminal:
        table = Table(title=Text(cases[0].name), title_justify="left", show_header=False)
        for row in answers:
            table.add_row(*map(Text, row))  # not strings: brackets in them are no markup
        console.print(table)
        return
    print(("" if first else "\n") + cases[0].name)
    for question, answer in answers:
        print(f"  {question}: {answer}")


def _named_study(words: list[str]) -> tuple[str, Any] | None:
    """The study that the first word names, with its module; None where there is no such word."""
    from underdamped.studies import STUDIES

    if not words or words[0].startswith("-"):
        return None
    if words[0] not in STUDIES:
        raise ValueError(f"unknown study {words[0]!r}: {_checks.suggestion(words[0], STUDIES)}")
    return words[0], importlib.import_module(f"underdamped.studies.{words[0]}")


def _usage_of(command: str, words: list[str]) -> int:
    from underdamped.studies import STUDIES

    usage = f"underdamped {command} STUDY [OPTIONS]"
    print(f"{usage}\n\nStudies: {', '.join(STUDIES)}. Options: underdamped {command} STUDY --help")
    return 0 if {"-h", "--help"} & set(words) else EXIT_USAGE


def _show_summary(study: str, records: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = importlib.import_module(f"underdamped.studies.reporting.pages.{study}").summary(records)
    table = Table(*summary.columns)
    for row in summary.iter_rows():
        table.add_row(*map(_cell, row))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _demo(words: list[str]) -> int:
    import tyro

    @dataclass(frozen=True)
    class Demo:
        """Run all studies at reduced size, one after the other, and write one report of them.

        One that fails does not stop the others. The same command goes on with a demonstration that was interrupted.
        """

        run_dir: Path = Path("runs", "demo")
        """Directory of the demonstration; each study gets a folder in it."""
        start_over: bool = False
        """Delete what is there, and begin again."""

    style = (tyro.conf.FlagCreatePairsOff,)
    options = tyro.cli(Demo, args=words, prog="underdamped demo", config=style)
    from underdamped.studies.demonstration import demonstrate

    failures = demonstrate(options.run_dir, start_over=options.start_over)
    for name, reason in failures.items():
        print(f"underdamped: {name} failed: {reason}", file=sys.stderr)
    print(f"Report: {options.run_dir / 'report.html'}")
    return EXIT_FAILED if failures else 0


def _report(words: list[str]) -> int:
    import tyro

    @dataclass(frozen=True)
    class Report:
        """Write the figures and the report of a run again, from its records."""

        run_dir: tyro.conf.Positional[Path]
        """The run directory."""

    return _write_report(tyro.cli(Report, args=words, prog="underdamped report").run_dir)


def _write_report(run_dir: Path) -> int:
    from underdamped.studies import STUDIES
    from underdamped.studies.reporting.report import write_report
    from underdamped.studies.reporting.whole import is_demonstration, write_whole

    if is_demonstration(run_dir):
        print(f"Report: {write_whole(run_dir, tuple(STUDIES), {})}")
        return 0
    print(f"Report: {write_report(run_dir)}")
    return 0


def _data(words: list[str]) -> int:
    import tyro

    @dataclass(frozen=True)
    class Data:
        """Download a data set, for use without a network."""

        action: tyro.conf.Positional[Literal["fetch"]]
        """What to do."""
        name: tyro.conf.Positional[str]
        """The data set: cifar10."""
        data_dir: Path | None = None
        """Where it is kept; the user's cache directory if not given."""

    options = tyro.cli(Data, args=words, prog="underdamped data")
    from underdamped.studies.data import fetch

    print(fetch(options.name, options.data_dir))
    return 0
