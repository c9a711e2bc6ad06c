"""The report of a run: one HTML file that opens anywhere, offline, with its figures inside."""

import base64
import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from underdamped import _checks
from underdamped.studies.reporting import pages, plots
from underdamped.studies.reporting.marks import entries
from underdamped.studies.reporting.style import Dashes
from underdamped.studies.runs.files import write_atomically
from underdamped.studies.runs.records import FIGURES, REPORT, read_run


@dataclass(frozen=True)
class Table:
    """A table; the first column names the rows.

    Attributes:
        columns: Headings, with units.
        rows: Cells as text, one for each column. What follows a line break in the first cell is set small below it.
        caption: What the numbers are.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure: its panels stand side by side where there is room and below each other on a phone.

    Attributes:
        name: Name of the files that hold it, without ending.
        panels: What is drawn.
        caption: What is seen, in full sentences.
    """

    name: str
    panels: Sequence[plots.Panel]
    caption: str = ""


@dataclass(frozen=True)
class Film:
    """A short film. Readers who have asked for less motion, and print, get the still.

    Attributes:
        name: Name of the files that hold it, without ending.
        gif: The film.
        still: One picture of it as PNG, that says the most by itself: as a rule its end.
        alt: What is seen, for those who cannot see it.
        caption: What is seen, in full sentences.
    """

    name: str
    gif: bytes
    still: bytes
    alt: str
    caption: str = ""


Block: TypeAlias = str | Table | Picture | Film
"""What a section is made of: a paragraph, a table, a figure, a film."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it.

    Attributes:
        heading: The heading.
        blocks: Paragraphs (plain text, escaped), tables, figures and films in reading order.
        level: Of the heading, 2 or below a chapter 3.
        anchor: Name by which a list of contents refers to it; it stands there if it has one.
    """

    heading: str
    blocks: Sequence[Block]
    level: int = 2
    anchor: str = ""


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes:
        title: Of the page.
        lead: The first sentences: what was found, and how sure it is.
        sections: In reading order.
        contents: Whether a list of contents stands at the top.
    """

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
    contents: bool = False


def write_report(run_path: Path | str) -> Path:
    """Write the report of a run beside its records.

    Only what the run directory holds is used, so a report can be made again at any time, elsewhere, and of a run that
    was stopped. Each figure is written as SVG and PDF into ``figures``.

    Args:
        run_path: The run directory.

    Returns:
        Path of ``report.html``.

    Raises:
        FileNotFoundError: If ``run_path`` is not a run directory.
        ValueError: If a file in it is damaged, nothing is recorded yet, or its study has no page.
    """
    path = Path(run_path)
    page, config, environment = read_page(path)
    folder = path / FIGURES
    folder.mkdir(exist_ok=True)
    for block in (block for section in page.sections for block in section.blocks):
        if isinstance(block, Picture):
            drawing = plots.figure(block.panels)
            write_atomically(folder / f"{block.name}.svg", plots.to_svg(drawing).encode())
            write_atomically(folder / f"{block.name}.pdf", plots.to_pdf(drawing))
        elif isinstance(block, Film):
            write_atomically(folder / f"{block.name}.gif", block.gif)
            write_atomically(folder / f"{block.name}.png", block.still)
    write_atomically(path / REPORT, render(page, config, environment).encode())
    return path / REPORT


def read_page(run_path: Path | str) -> tuple[Page, dict[str, Any], dict[str, Any]]:
    """The page of a run, with its configuration and environment; nothing is written.

    Args:
        run_path: The run directory.

    Returns:
        Page, configuration, environment.

    Raises:
        FileNotFoundError: If ``run_path`` is not a run directory.
        ValueError: If a file in it is damaged, nothing is recorded yet, or its study has no page.
    """
    study, config, records, environment = read_run(run_path)
    known = [module.name for module in pkgutil.iter_modules(pages.__path__)]
    if study not in known:
        raise _checks.fail("study", "one that has a page", study, _checks.suggestion(study, known))
    if records.is_empty():
        way_out = "nothing is measured yet; start the run first"
        raise _checks.fail("run_dir", "a run with records", str(run_path), way_out)
    page: Page = importlib.import_module(f"{pages.__name__}.{study}").page(records, config, environment)
    return page, config, environment


def render(page: Page, config: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """The page as HTML. All text is escaped; nothing is loaded from elsewhere.

    Args:
        page: The report.
        config: Configuration of the run, shown at the end.
        environment: Where it ran, shown at the end.

    Returns:
        A complete HTML document.

    Example:
        >>> html = render(Page("A < B", ["One sentence."], []), {}, {})
        >>> "<h1>A &lt; B</h1>" in html
        True
    """
    loader = PackageLoader("underdamped.studies.reporting", "templates")
    jinja = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return jinja.get_template("report.html.jinja").render(
        page=page,
        sections=[(section, [_block(block) for block in section.blocks]) for section in page.sections],
        facts=[("Configuration", _facts(config)), ("Environment", _facts(environment))],
    )


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Table):
        return {"kind": "table", "table": block}
    if isinstance(block, Picture):
        svgs = [_inline(plots.to_svg(plots.figure([panel], legend=False)), f"{block.name}-{number}", panel.title)
                for number, panel in enumerate(block.panels)]  # fmt: skip
        return {"kind": "picture", "svgs": svgs, "legend": _legend(block.panels), "caption": block.caption}
    if isinstance(block, Film):
        gif, still = _data_uri("image/gif", block.gif), _data_uri("image/png", block.still)
        return {"kind": "film", "gif": gif, "still": still, "alt": block.alt, "caption": block.caption}
    return {"kind": "text", "text": block}


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _inline(svg: str, prefix: str, name: str) -> Markup:
    """An SVG element for the page: no prologue, no fixed size, and identifiers that no other figure has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    opening, rest = svg.split(">", 1)
    opening = re.sub(r'\s(?:width|height|version)="[^"]*"', "", opening)
    label = Markup(' role="img" aria-label="{}"').format(name)
    return Markup(f"{opening}{label}>{rest}")  # our own drawing: matplotlib has escaped its text


def _legend(panels: Sequence[plots.Panel]) -> list[tuple[str, str, str, str]]:
    """Label, shape, colour and dashes of everything that is named in ``panels``."""
    named = entries(mark for panel in panels for mark in panel.contents)
    return [(entry.label, entry.shape, entry.look.color, _strokes(entry.look.dashes, width=2.0)) for entry in named]


def _strokes(dashes: Dashes, width: float) -> str:
    return "" if dashes == "solid" else " ".join(f"{width * length:g}" for length in dashes)


def _facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Names and values as text, nested mappings flattened."""
    facts: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            facts += _facts(value, f"{prefix}{name}: ")
        elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
            for number, item in enumerate(value, start=1):
                facts += _facts(item, f"{prefix}{name} {number}: ")
        elif isinstance(value, list | tuple):
            facts.append((prefix + name, ", ".join(map(str, value)) or "none"))
        else:
            facts.append((prefix + name, "none" if value is None else str(value)))
    return facts
