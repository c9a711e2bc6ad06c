"""One report of several studies: a chapter each, and a list of contents."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from underdamped.studies.reporting.report import Page, Picture, Section, read_page, render
from underdamped.studies.runs.files import write_atomically
from underdamped.studies.runs.records import CONFIG, REPORT

_TITLE = "Losing momentum: the experiments, at reduced size"


def write_whole(run_dir: Path | str, studies: Sequence[str], failures: Mapping[str, str]) -> Path:
    """Write the report of a demonstration from the runs in it.

    Args:
        run_dir: Directory with a run directory for each study that came so far.
        studies: Names of all studies, in order.
        failures: What went wrong, by study.

    Returns:
        Path of ``report.html``.
    """
    run_dir = Path(run_dir)
    chapters, config, environment = {}, {}, {}
    for name in studies:
        try:
            chapters[name], config[name], environment[name] = read_page(run_dir / name)
        except (ValueError, OSError):  # not begun, or nothing measured yet: `failures` says why where it matters
            continue
    page = whole_page(chapters, studies, failures)
    write_atomically(run_dir / REPORT, render(page, config, environment).encode())
    return run_dir / REPORT


def is_demonstration(path: Path | str) -> bool:
    """Whether ``path`` holds runs of studies in folders of their own, and is no run itself."""
    path = Path(path)
    return not (path / CONFIG).exists() and any(path.glob(f"*/{CONFIG}"))


def whole_page(chapters: Mapping[str, Page], studies: Sequence[str], failures: Mapping[str, str]) -> Page:
    """The pages of studies as one.

    Args:
        chapters: Page of each study that has one.
        studies: Names of all studies, in order.
        failures: What went wrong, by study.

    Returns:
        A page with a chapter a study: its title, what was found, its sections. Pictures keep apart by the study's name.

    Example:
        >>> page = whole_page({"limits": Page("Theorems", ["They hold."], [])}, ["limits"], {})
        >>> [(section.heading, section.anchor) for section in page.sections]
        [('Theorems', 'limits')]
    """
    sections: list[Section] = []
    for name, page in chapters.items():
        sections.append(Section(page.title, list(page.lead), anchor=name))
        sections += [_in_chapter(section, name) for section in page.sections]
    missing = [name for name in studies if name not in chapters and name not in failures]
    lead = [
        f"{len(chapters)} of {len(studies)} studies, each small enough to run within minutes. So what is found here "
        "holds for these sizes, and intervals are wide; `underdamped run STUDY` runs a study in full. What each study "
        "was given and where it ran stands at the end."
    ]
    lead += [f"{name} failed: {reason}" for name, reason in failures.items()]
    lead += [f"Not run yet: {', '.join(missing)}."] if missing else []
    return Page(_TITLE, lead, sections, contents=True)


def _in_chapter(section: Section, name: str) -> Section:
    blocks: list[Any] = [
        replace(block, name=f"{name}-{block.name}") if isinstance(block, Picture) else block for block in section.blocks
    ]
    return replace(section, blocks=blocks, level=3)
