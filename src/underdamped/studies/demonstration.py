"""Every study once, at reduced size, one after the other; and one report of them all."""

import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from underdamped import _checks
from underdamped.studies import STUDIES
from underdamped.studies.reporting.report import write_report
from underdamped.studies.reporting.whole import write_whole
from underdamped.studies.runs.records import CONFIG, open_run


def demonstrate(
    run_dir: Path | str, *, studies: Sequence[str] = tuple(STUDIES), start_over: bool = False
) -> dict[str, str]:
    """Run every study at the size it has for this, into a directory of its own, and write the report of all.

    A study that fails does not stop the others, and those that are finished there already are not run again.

    Args:
        run_dir: Directory of the demonstration; each study gets a folder in it, a run like any other.
        studies: Names of studies, in order.
        start_over: Delete what is there of each study, and begin again.

    Returns:
        What went wrong, by study; empty if all is well. With ``UNDERDAMPED_TRACEBACK`` set the first error is raised.

    Raises:
        ValueError: If ``run_dir`` is the run of one study.
        OSError: If nothing can be written there.
    """
    run_dir = Path(run_dir)
    if (run_dir / CONFIG).exists():
        way_out = "it is the run of one study; give another --run-dir"
        raise _checks.fail("run_dir", "new or that of an earlier demonstration", str(run_dir), way_out)
    run_dir.mkdir(parents=True, exist_ok=True)
    failures: dict[str, str] = {}
    try:
        for number, name in enumerate(studies, start=1):
            _say(f"[{number}/{len(studies)}] {name}: {STUDIES.get(name, '')}")
            began = time.monotonic()
            try:
                _run_small(importlib.import_module(f"underdamped.studies.{name}"), name, run_dir / name, start_over)
            except Exception as problem:  # whatever it is, the other studies are worth having
                if os.environ.get("UNDERDAMPED_TRACEBACK"):
                    raise
                failures[name] = _one_line(problem)
                _say(f"[{number}/{len(studies)}] {name} failed: {failures[name]}")
            else:
                _say(f"[{number}/{len(studies)}] {name}: {time.monotonic() - began:.0f} s")
    finally:  # who interrupts it has a report of what is there
        write_whole(run_dir, studies, failures)
    return failures


def _run_small(study: Any, name: str, path: Path, start_over: bool) -> None:
    """One study; its ``DEMO`` where ``QUICK`` would be too small to show anything."""
    config = getattr(study, "DEMO", study.QUICK)
    study.check(config)
    run = open_run(path, name, config, start_over=start_over)
    study.run(config, run)
    write_report(run.path)


def _one_line(problem: Exception) -> str:
    if isinstance(problem, ModuleNotFoundError):
        return f'{problem.name} is not installed; pip install "underdamped[torch,jax,studies]"'
    message = (str(problem).splitlines() or [""])[0]
    return message if isinstance(problem, ValueError | OSError) else f"{type(problem).__name__}: {message}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
