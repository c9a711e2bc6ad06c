"""The kept results: made with today's defaults, readable by today's reports, and what the documentation quotes."""

import importlib
import re
from pathlib import Path

import polars as pl
import pytest

from underdamped.studies.reporting.report import Table
from underdamped.studies.runs.records import read_run

DOCS = Path(__file__).parents[2] / "docs"
KEPT = sorted(path.parent.name for path in DOCS.glob("results/*/config.toml"))


def records_of(study):
    return read_run(DOCS / "results" / study)[2]


def page_of(study):
    _, config, records, environment = read_run(DOCS / "results" / study)
    return importlib.import_module(f"underdamped.studies.reporting.pages.{study}").page(records, config, environment)


def chapter(study):
    """What the documentation says of a study."""
    text = (DOCS / "studies.md").read_text(encoding="utf-8")
    return re.search(rf"^## {study}:.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[0]


def test_all_studies_but_the_networks_keep_their_results():
    """Accuracies of networks belong to the images they were trained on, and those are the user's."""
    assert {"convex", "escape", "functional", "limits", "nonconvex"} <= set(KEPT)


@pytest.mark.parametrize("study", KEPT)
def test_a_kept_run_has_todays_defaults_and_a_page(study):
    name, config, _, environment = read_run(DOCS / "results" / study)
    assert name == study
    default = importlib.import_module(f"underdamped.studies.{study}").Config
    assert default(**config) == default()
    assert environment["commit"]
    assert page_of(study).sections


@pytest.mark.parametrize(
    ("study", "conditions"),
    [
        ("convex", {"experiment": "Fig. 5", "series": "SGD", "quantity": "distance", "x": 1000}),
        ("limits", {"experiment": "theorem5", "problem": "quadratic", "series": "E sup |Δq|", "quantity": "measured"}),
        ("limits", {"experiment": "theorem5", "problem": "logistic", "series": "E sup |Δq|", "quantity": "measured"}),
    ],
)
def test_intervals_are_quoted_as_they_were_recorded(study, conditions):
    row = records_of(study).filter(**conditions).row(0, named=True)
    places = 2 if row["value"] > 1 else 3
    assert "{value:.{0}f} [{low:.{0}f}, {high:.{0}f}]".format(places, **row) in chapter(study)


def test_the_published_table_is_quoted_beside_ours():
    records = records_of("functional").filter(pl.col("experiment") == "masses", pl.col("method") == "SGP")
    rows = re.findall(r"^\| ([^|]+) \| ([\d.]+) ± ([\d.]+) \|", chapter("functional"), re.MULTILINE)
    assert len(rows) == 7
    for index, mean, sd in rows:
        percent = 100 * records.filter(series=index.replace(" = ", "="), quantity="final error")["value"]
        for quoted, exact in ((mean, percent.mean()), (sd, percent.std())):
            assert quoted == f"{exact:.{len(quoted.partition('.')[2])}f}", index


def test_points_off_the_boundary_are_quoted_as_they_were_counted():
    lead = " ".join(page_of("escape").lead)
    counted = re.search(r"misjudges ([\d, and]+) of 10,000 points at L = 4, 40 and 400", lead)
    assert f"{counted[1]} points on the wrong side at $L = 4, 40, 400$" in chapter("escape")


def test_differences_between_methods_are_quoted_as_they_were_computed():
    blocks = [block for section in page_of("nonconvex").sections for block in section.blocks]
    (table,) = [block for block in blocks if isinstance(block, Table) and "dmSGMP − momentum" in block.columns]
    wanted = [table.columns.index(name) for name in ("dmSGMP − momentum", "dmSGMP − SGD")]
    difference = r"[−+][\d.]+ \[[−+][\d.]+, [−+][\d.]+\]"
    text = chapter("nonconvex")
    rows = re.findall(rf"^\| ([^|]+) \|.*\| ({difference}) \| ({difference}) \|$", text, re.MULTILINE)
    assert len(rows) == len(table.rows) == 6
    for (landscape, *quoted), row in zip(rows, table.rows, strict=True):
        assert row[0].startswith(landscape)
        assert quoted == [row[column].removesuffix(" ●") for column in wanted]
    clear = [cell.removesuffix(" ●") for row in table.rows for cell in row if cell.endswith("●")]
    assert len(clear) == 2
    assert all(f"({cell})" in text for cell in clear)
