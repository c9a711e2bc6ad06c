"""The page: one file, offline, escaped, whatever the records hold."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

import polars as pl
import pytest

from studies.synthetic import DEMO, TABLE_1, diverged, image_records
from underdamped.studies.reporting.pages.images import page, summary
from underdamped.studies.reporting.plots import Curve, Panel, looks
from underdamped.studies.reporting.report import Page, Picture, Section, Table, render, write_report
from underdamped.studies.runs.records import open_run

VOID = {"meta", "br", "link", "img", "input", "hr"}


@dataclass(frozen=True)
class Config:
    """A configuration like the images study's, in small."""

    data: str = "digits"
    methods: tuple[str, ...] = ("SGD", "momentum", "hSGMP", "dmSGMP")
    seeds: tuple[int, ...] = (0, 1, 2)
    epochs: int = 12


class Reader(HTMLParser):
    """Checks that elements nest, and collects identifiers, references and text."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.references, self.text = [], [], [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        """Push it, and note what it is called and what it refers to."""
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "xlink:href"):
                self.references.append(value)
            self.references += ["#" + target for target in re.findall(r"url\(#(.*?)\)", value or "")]

    def handle_startendtag(self, tag, attributes):
        """Opened and closed at once."""
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        """It must close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep the text that is read."""
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def killed(records):
    """As if it had been stopped in the third of four methods."""
    third = pl.col("method") == DEMO[2]
    return records.filter((pl.col("method") != DEMO[3]) & ~(third & (pl.col("epoch") > 6 - 3 * pl.col("seed"))))


def all_diverged(records):
    for method in DEMO:
        records = diverged(records, method, 0, 1)
    return records


CASES = {
    "demo": (image_records(), 12),
    "table 1": (image_records(TABLE_1, epochs=5, steps_an_epoch=500), 5),
    "one seed": (image_records(seeds=1), 12),
    "one epoch": (image_records(epochs=1), 1),
    "before training": (image_records(epochs=5).filter(pl.col("epoch") == 0), 5),
    "killed": (killed(image_records()), 12),
    "diverged": (diverged(image_records(), DEMO[2], 1, 4), 12),
    "all diverged": (all_diverged(image_records()), 12),
    "perfect": (image_records().with_columns(test_accuracy=pl.lit(1.0)), 12),
}


@pytest.mark.parametrize("case", CASES)
def test_the_page_stands_alone(case):
    records, epochs = CASES[case]
    config = {"data": "digits", "methods": ("SGD", "momentum", "hSGMP", "dmSGMP"), "seeds": (0, 1, 2), "epochs": epochs}
    reader = Reader(render(page(records, config, {}), config, {}))
    assert all(reference.startswith("#") for reference in reader.references)  # nothing is fetched
    assert {reference[1:] for reference in reader.references} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert not re.search(r"\b(nan|none|null|inf)\b", " ".join(reader.text[: reader.text.index("Configuration")]), re.I)


@pytest.mark.slow
def test_writing_it_twice_gives_the_same_bytes(tmp_path):
    open_run(tmp_path, "images", Config(epochs=2)).write_records(image_records(DEMO[:2], epochs=2))
    assert write_report(tmp_path) == tmp_path / "report.html"
    names = ["accuracy", "coefficients", "final-accuracy", "loss"]
    figures = sorted((tmp_path / "figures").iterdir())
    assert [file.name for file in figures] == [f"{name}.{end}" for name in names for end in ("pdf", "svg")]
    files = [tmp_path / "report.html", *figures]
    before = [file.read_bytes() for file in files]
    write_report(tmp_path)
    assert [file.read_bytes() for file in files] == before


def test_text_is_escaped_everywhere():
    evil = "<script>alert('&')</script>"
    curve = Curve(evil, looks([evil])[evil], [0, 1], [0, 1])
    other = Curve("b", looks(["b"])["b"], [0, 1], [1, 0])
    picture = Picture("p", [Panel(evil, evil, evil, [curve, other])], evil)
    section = Section(evil, [evil, Table([evil], [[f"{evil}\n{evil}"]], evil), picture])
    html = render(Page(evil, [evil], [section]), {evil: evil}, {"list": [{evil: evil}]})
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 14
    Reader(html)


def test_configuration_and_environment_are_at_the_end():
    text = " ".join(Reader(render(page(*CASES["demo"][:1], {"epochs": 12}, {}), {"epochs": 12, "limit": None},
                                  {"packages": {"torch": "2.0"}, "resumed": [{"date": "today"}]})).text)  # fmt: skip
    for fact in ("epochs", "limit", "none", "packages: torch", "2.0", "resumed 1: date", "today"):
        assert fact in text[text.index("How this was computed") :]


def test_the_table_has_the_numbers_of_the_records():
    records = image_records(epochs=4)
    table = next(block for block in page(records, {"epochs": 4}, {}).sections[0].blocks if isinstance(block, Table))
    mean = 100 * records.filter((pl.col("method") == DEMO[3]) & (pl.col("epoch") == 4))["test_accuracy"].mean()
    row = dict(zip(table.columns, table.rows[3], strict=True))
    assert row["method"] == "dmSGMP\nα=1, m=0.9·0.99ᵏ, h=0.1"
    assert row["test %"].startswith(f"{mean:.2f} [")
    assert row["momentum factor"] == "0.9 → 0.83"  # 0.9·0.99^60 = 0.492, and 0.492/0.592 = 0.83
    assert row["effective lr"] == "0.1"


def test_the_band_holds_the_seeds_and_the_curve_ends_with_the_first_seed_that_diverged():
    records = diverged(image_records(), DEMO[2], 1, 4)
    loss = page(records, {"epochs": 12}, {}).sections[1].blocks[0]
    sgd, _, hsgmp, _ = loss.panels[1].contents
    values = records.filter((pl.col("method") == DEMO[0]) & (pl.col("epoch") == 12))["test_loss"]
    assert sgd.y[-1] == pytest.approx(values.mean())
    assert (sgd.low[-1], sgd.high[-1]) == (values.min(), values.max())
    assert hsgmp.broken
    assert hsgmp.x.max() == 4


def test_captions_do_not_claim_to_be_the_papers_figures():
    loss, accuracy = page(image_records(), {"data": "digits", "epochs": 12}, {}).sections[1].blocks
    assert loss.caption.startswith("As the paper's Fig. 7.")
    assert accuracy.caption.startswith("As the paper's Fig. 8.")


def test_training_and_test_panels_have_the_same_axes():
    from underdamped.studies.reporting.plots import figure

    for block in page(image_records(), {"epochs": 12}, {}).sections[1].blocks:
        first, second = figure(block.panels).axes
        assert first.get_ylim() == second.get_ylim()
        assert first.get_xlim() == second.get_xlim()


def test_the_summary_for_the_terminal():
    table = summary(diverged(image_records(), DEMO[2], 1, 4))
    assert table.columns == ["method", "seeds", "train %", "test %", "95 % t-interval"]
    assert table["method"].to_list() == ["SGD", "classical momentum", "hSGMP", "dmSGMP"]
    assert table["95 % t-interval"][2] == "diverged at epoch 4 (seed 1)"
    assert table["test %"][2] is None
    low, high = map(float, table["95 % t-interval"][0].split(" to "))
    assert low < table["test %"][0] < high
    assert summary(image_records(seeds=1))["95 % t-interval"].unique().to_list() == ["none from one seed"]
    perfect = image_records().with_columns(test_accuracy=pl.lit(1.0))
    assert summary(perfect)["95 % t-interval"].unique().to_list() == ["none: all seeds alike"]


def test_what_cannot_be_reported_is_said(tmp_path):
    open_run(tmp_path / "empty", "images", Config())
    with pytest.raises(ValueError, match="`run_dir` must be a run with records"):
        write_report(tmp_path / "empty")
    open_run(tmp_path / "other", "image", Config()).write_records(image_records())
    with pytest.raises(ValueError, match=r"`study` must be one that has a page, got 'image': did you mean 'images'"):
        write_report(tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="`run_dir` must be a run directory"):
        write_report(tmp_path / "missing")


def test_a_table_of_verdicts_becomes_a_list_on_a_phone():
    """A verdict that is off screen behind a scroll is not read; other tables keep their columns."""
    tables = [Table(["what", name], [["first", "agrees"]]) for name in ("verdict", "error")]
    html = render(Page("Title", [], [Section("Section", tables)]), {}, {})
    assert html.count('<table class="stacking">') == 1
    assert '<td data-column="verdict">agrees</td>' in html
