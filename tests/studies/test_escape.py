"""The escape study in small: records, resuming, the page, and what `underdamped check` says of it."""

import dataclasses
import math

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.cli import main
from underdamped.studies import escape
from underdamped.studies.escape import QUICK, Config, check, problems
from underdamped.studies.false_minimum.rows import SCHEMA, frame
from underdamped.studies.reporting.false_minimum.maps import _counts
from underdamped.studies.reporting.pages.escape import page, summary, verdicts
from underdamped.studies.reporting.report import write_report
from underdamped.studies.runs.records import open_run, read_run

pytestmark = pytest.mark.filterwarnings("ignore:A[12] does not hold")

SMALL = Config(grid=12, bounds=(4.0, 40.0), rates=(3.0, math.inf), subsampling_grid=4, paths=60, duration=40.0)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("escape") / "run"
    return path, escape.run(SMALL, open_run(path, "escape", SMALL))


@pytest.mark.slow
def test_records_are_as_agreed(finished):
    path, records = finished
    assert dict(records.schema) == SCHEMA
    assert_frame_equal(read_run(path)[2], records)
    assert records["experiment"].unique(maintain_order=True).to_list() == [
        "assumptions", "figure 1", "figure 2", "figure 4, L = 4", "figure 4, L = 40", "subsampling, rate 3",
        "subsampling, rate inf",
    ]  # fmt: skip
    shares = records.filter(pl.col("quantity").str.starts_with("share"))
    assert shares["quantity"].n_unique() == 3
    assert (shares["low"] <= shares["value"]).all()
    assert (shares["value"] <= shares["high"]).all()
    assert records.filter(pl.col("quantity") == "outcome")["low"].is_null().all()


@pytest.mark.slow
def test_all_predictions_agree(finished):
    found = [verdict.verdict for verdict in verdicts(finished[1])]
    assert found == ["agrees"] * 8


@pytest.mark.slow
def test_a_wrong_outcome_is_seen(finished):
    """Verdicts come from the records: another outcome at one point must change them."""
    _, records = finished
    number = pl.int_range(pl.len())
    chosen = (pl.col("quantity") == "outcome") & (pl.col("experiment") == "figure 4, L = 4") & (pl.col("value") == 0)
    first = records.select(pl.arg_where(chosen)).item(0, 0)
    changed = records.with_columns(pl.when(number == first).then(1.0).otherwise("value").alias("value"))
    found = {verdict.what: verdict.verdict for verdict in verdicts(changed)}
    assert found["Fig. 4, L = 4: scheme"] == "does not agree: 1 point off"
    assert found["Fig. 4, L = 4: against the flow"] == "does not agree: 1 point off"
    assert "at 287 of 288 points" in page(changed, dataclasses.asdict(SMALL), {}).lead[0]


@pytest.mark.slow
def test_counts_of_the_flow_are_those_between_the_two_curves(finished):
    """Wrong side of alpha^2 = 8m with h = alpha/L: 8m between alpha^2 (1 - 2/L)^2 and alpha^2."""
    cells = [(i + 0.5) * 5 / 12 for i in range(12)]
    between = sum(a**2 / 4 < 8 * m <= a**2 for a in cells for m in cells)
    points, scheme, flow, _ = _counts(finished[1], 4.0, "h = α/L")
    assert (points, scheme, flow) == (144, 0, between)
    verdict = next(one for one in verdicts(finished[1]) if one.what == "Fig. 4, L = 4: against the flow")
    assert verdict.predicted.startswith(f"{between} points")


@pytest.mark.slow
def test_paths_that_passed_are_not_less_than_those_that_are_there(finished):
    """At a finite rate some come back: the two shares are different quantities."""
    at = ["series", "x", "y"]
    table = finished[1].filter(pl.col("quantity").str.starts_with("share")).pivot("quantity", index=at, values="value")
    assert (table["share passed, half"] <= table["share passed, end"]).all()
    assert (table["share right of 0, end"] <= table["share passed, end"]).all()
    assert (table["share right of 0, end"] < table["share passed, end"]).any()


@pytest.mark.slow
def test_the_assumptions_that_fail_are_warned_of_recorded_and_shown(finished, tmp_path):
    _, records = finished
    run = open_run(tmp_path / "run", "escape", SMALL)
    run.write_records(records)
    with pytest.warns(UserWarning, match="does not hold") as caught:
        escape.run(SMALL, run)
    said = [str(warning.message) for warning in caught]
    assert [words.split(":")[0] for words in said] == ["A1 does not hold", "A2 does not hold"]
    assert records.filter(pl.col("quantity") == "assumption not met")["series"].to_list() == said
    sections = {section.heading: section.blocks for section in page(records, dataclasses.asdict(SMALL), {}).sections}
    assert sections["Assumptions that are not met"] == said


def verdicts_of(measure, experiment, config, *arguments):
    return {one.what: one for one in verdicts(frame(experiment, measure(config, *arguments)))}


def test_without_a_point_there_is_no_verdict():
    """The middle of [0, 5]^2 has alpha^2 < 16 m: nothing is left to hold against the bound of splits."""
    config = dataclasses.replace(SMALL, subsampling_grid=1, paths=1, duration=1.0)
    found = verdicts_of(escape._subsampling, "subsampling, rate 3", config, 3.0)
    assert found["One term at a time, rate 3"].verdict == "no verdict: no such point on this grid"
    lead = page(frame("subsampling, rate 3", escape._subsampling(config, 3.0)), dataclasses.asdict(config), {}).lead
    assert "All" not in " ".join(lead)
    assert "there is no verdict on 1: One term at a time, rate 3" in " ".join(lead)


def test_a_mass_that_passes_late_is_followed_until_then():
    """At friction 5 the mass 3.2 passes at time 24.7."""
    found = verdicts_of(escape._figure_1, "figure 1", dataclasses.replace(SMALL, friction=5.0, masses=(3.2, 1.0)))
    assert found["Fig. 1: masses that pass 0"].measured == "3.2"
    assert found["Fig. 1: masses that pass 0"].verdict == "agrees"


def test_a_mass_too_close_to_the_boundary_is_left_out():
    records = frame("figure 1", escape._figure_1(dataclasses.replace(SMALL, friction=4.0, masses=(2.0001,))))
    (found,) = verdicts(records)
    assert found.verdict == "no verdict: no mass was followed long enough"
    assert "None of these masses passes" in page(records, dataclasses.asdict(SMALL), {}).sections[1].blocks[0].caption


def test_points_that_pass_after_the_end_are_left_out():
    """At alpha = 2.5, m = 2.5 the flow passes at time 2.9; up to time 1 nothing can be said of it."""
    for duration, verdict, measured in (
        (1.0, "no verdict: no such", "0 of 0 off; 1 left out"),
        (5.0, "agrees", "0 of 1 off"),
    ):
        config = dataclasses.replace(SMALL, subsampling_grid=1, duration=duration)
        found = verdicts_of(escape._subsampling, "subsampling, rate inf", config, math.inf)["Full gradient"]
        assert found.verdict.startswith(verdict)
        assert found.measured.startswith(measured)


def test_a_rate_has_the_same_paths_wherever_it_stands():
    config = dataclasses.replace(SMALL, subsampling_grid=2, paths=20, duration=4.0)
    moved = dataclasses.replace(config, rates=(7.0, math.inf, 3.0))
    assert escape._subsampling(config, 3.0) == escape._subsampling(moved, 3.0)


@pytest.mark.slow
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
    assert capsys.readouterr().err.count("recorded already") == 6


@pytest.mark.slow
def test_a_run_that_was_stopped_is_shown_as_far_as_it_came(finished):
    _, records = finished
    for stop in ("figure 2", "figure 4, L = 4", "subsampling, rate 3"):
        names = records["experiment"].unique(maintain_order=True).to_list()
        part = records.filter(pl.col("experiment").is_in(names[: names.index(stop)]))
        shown = page(part, dataclasses.asdict(SMALL), {})
        assert f"The run is not finished: {stop}" in shown.lead[-1]
        assert summary(part).height == len(verdicts(part))


@pytest.mark.slow
def test_the_report_is_written_with_all_figures(finished):
    path, _ = finished
    html = write_report(path).read_text()
    assert "is not finished" not in html
    names = {"figure-1", "figure-2", "figure-2-errors", "figure-4", "figure-4-caption-rule", "subsampling"}
    names.add("subsampling-right")
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
        ({"rates": (1.0, 1.0000001)}, "named by its first six digits"),
        ({"bounds": (4.0, 4.0000001)}, "named by its first six digits"),
        ({"masses": (0.1, 0.10000001)}, "named by its first six digits"),
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
    # of the whole, A1 and A2 hold in no block but that of the parabola
    assert shown.count("A1: fails: the gradient jumps at 0") == shown.count("A2: fails") == 3
    assert "A1: holds: every gradient is 1-Lipschitz" in shown
    assert shown.count("A1: holds") == shown.count("A2: holds") == 1


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
