"""The escape study in small: records, resuming, the page, and what `underdamped check` says of it."""

import dataclasses
import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.cli import main
from underdamped.studies import escape
from underdamped.studies.escape import QUICK, Config, check, problems
from underdamped.studies.false_minimum.rows import SCHEMA
from underdamped.studies.reporting.false_minimum.maps import _counts
from underdamped.studies.reporting.pages.escape import page, summary, verdicts
from underdamped.studies.reporting.report import write_report
from underdamped.studies.runs.records import open_run, read_run

SMALL = Config(grid=12, bounds=(4.0, 40.0), rates=(3.0, math.inf), subsampling_grid=4, paths=60, duration=40.0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("escape") / "run"
    return path, escape.run(SMALL, open_run(path, "escape", SMALL))


def test_records_are_as_agreed(finished):
    path, records = finished
    assert dict(records.schema) == SCHEMA
    assert_frame_equal(read_run(path)[2], records)
    assert records["experiment"].unique(maintain_order=True).to_list() == [
        "figure 1", "figure 2", "figure 4, L = 4", "figure 4, L = 40", "subsampling, rate 3", "subsampling, rate inf",
    ]  # fmt: skip
    shares = records.filter(pl.col("quantity") == "share right of 0, end")
    assert (shares["low"] <= shares["value"]).all()
    assert (shares["value"] <= shares["high"]).all()
    assert records.filter(pl.col("quantity") == "outcome")["low"].is_null().all()


def test_all_predictions_but_those_of_a_coarse_step_agree(finished):
    """At L = 4 the boundary of the scheme is that of half the friction: the flow's must be seen to fail."""
    found = {verdict.what: verdict.verdict for verdict in verdicts(finished[1])}
    assert len(found) == 8
    assert found.pop("Fig. 4, L = 4: flow").startswith("does not agree")
    assert set(found.values()) == {"agrees"}


def test_a_wrong_outcome_is_seen(finished):
    """Verdicts come from the records: another outcome at one point must change them."""
    _, records = finished
    number = pl.int_range(pl.len())
    chosen = (pl.col("quantity") == "outcome") & (pl.col("experiment") == "figure 4, L = 4") & (pl.col("value") == 0)
    first = records.select(pl.arg_where(chosen)).item(0, 0)
    changed = records.with_columns(pl.when(number == first).then(1.0).otherwise("value").alias("value"))
    found = {verdict.what: verdict.verdict for verdict in verdicts(changed)}
    assert found["Fig. 4, L = 4: scheme"] == "does not agree: 1 point off"
    assert "at 287 of 288 points" in page(changed, dataclasses.asdict(SMALL), {}).lead[0]


def test_counts_of_the_flow_are_those_between_the_two_curves(finished):
    """Wrong side of alpha^2 = 8m with h = alpha/L: 8m between alpha^2 (1 - 2/L)^2 and alpha^2."""
    cells = [(i + 0.5) * 5 / 12 for i in range(12)]
    between = sum(a**2 / 4 < 8 * m <= a**2 for a in cells for m in cells)
    _, points, scheme, flow, _ = _counts(finished[1], 4.0, "h = α/L")
    assert (points, scheme, flow) == (144, 0, between)


def test_what_is_recorded_is_not_measured_again(finished, tmp_path, monkeypatch, capsys):
    _, records = finished
    run = open_run(tmp_path / "run", "escape", SMALL)
    run.write_records(records.filter(pl.col("experiment") != "figure 1"))
    first = escape._figure_1
    for name in ("_figure_2", "_figure_4", "_subsampling"):
        monkeypatch.setattr(escape, name, lambda *_: pytest.fail("measured again"))
    monkeypatch.setattr(escape, "_figure_1", first)
    again = escape.run(SMALL, run)
    assert_frame_equal(again.sort(pl.all()), records.sort(pl.all()))
    assert capsys.readouterr().err.count("recorded already") == 5


def test_a_run_that_was_stopped_is_shown_as_far_as_it_came(finished):
    _, records = finished
    for stop in ("figure 2", "figure 4, L = 4", "subsampling, rate 3"):
        names = records["experiment"].unique(maintain_order=True).to_list()
        part = records.filter(pl.col("experiment").is_in(names[: names.index(stop)]))
        shown = page(part, dataclasses.asdict(SMALL), {})
        assert f"The run is not finished: {stop}" in shown.lead[-1]
        assert summary(part).height == len(verdicts(part))


def test_the_report_is_written_with_all_figures(finished):
    path, _ = finished
    html = write_report(path).read_text()
    assert "is not finished" not in html
    names = {"figure-1", "figure-2", "figure-2-errors", "figure-4", "figure-4-caption-rule", "subsampling"}
    assert {file.stem for file in (path / "figures").glob("*.svg")} == names


def test_the_presets_are_valid():
    check(Config())
    check(QUICK)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"friction": 0.0}, "`friction` must be positive, got 0.0"),
        ({"masses": (-1.0,)}, "`masses` must be non-negative"),
        ({"masses": ()}, "`masses` must be different numbers, at least one"),
        ({"start": 0.5}, "`start` must be negative, got 0.5"),
        ({"grid": 0}, "`grid` must be at least 1, got 0"),
        ({"bounds": (1.0,)}, r"`bounds` must be in \[2, 10000\], got 1.0"),
        ({"rates": (1.0, 1.0)}, "`rates` must be different numbers"),
        ({"rates": (-1.0,)}, "`rates` must be non-negative"),
        ({"rates": (math.nan,)}, "`rates` must be finite"),
        ({"paths": 0}, "`paths` must be at least 1"),
        ({"duration": 0.0}, "`duration` must be positive"),
        ({"step": -1.0}, "`step` must be positive"),
        ({"seed": -1}, "`seed` must be non-negative"),
    ],
)
def test_bad_configurations_are_refused_before_any_work(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(), **change))


def test_theory_is_asked_about_every_problem(capsys):
    assert main(["check", "escape", "--quick"]) == 0
    shown = capsys.readouterr().out
    for problem in problems(QUICK):
        assert f"\n{problem.name}\n" in f"\n{shown}"
    # the best mass left of 0 is where passing begins: alpha^2/8
    assert "best mass: m = 0.125" in shown


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["check", "escpae"], 2, "unknown study 'escpae': did you mean 'escape'?"),
        (["check", "escape", "--friction", "0"], 2, "`friction` must be positive"),
        (["check", "images"], 0, "there is nothing to check"),
        (["check"], 2, "underdamped check STUDY [OPTIONS]"),
        (["check", "--help"], 0, "underdamped check STUDY [OPTIONS]"),
    ],
)
def test_checking_what_cannot_be_checked(words, code, message, capsys):
    assert main(words) == code
    captured = capsys.readouterr()
    assert message in captured.out + captured.err


def test_a_check_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["check", "escape"]) == 0
    assert not list(tmp_path.iterdir())
