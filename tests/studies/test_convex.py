"""The convex study from configuration to page, as small as it goes."""

import dataclasses
import warnings

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.studies import convex
from underdamped.studies.convex import QUICK, SCHEMA, Config, check
from underdamped.studies.descent import comparison, figure5, settling
from underdamped.studies.descent.contenders import CONTENDERS
from underdamped.studies.descent.rows import frame, row
from underdamped.studies.reporting.pages.convex import page, summary
from underdamped.studies.reporting.report import write_report
from underdamped.studies.runs.records import open_run, read_run
from underdamped.studies.setting import what_theory_says
from underdamped.studies.training.workers import num_cores

SMALL = Config(
    random_problems=3, dimension=12, components=10, batch_size=4, iterations=40, masses=(1.0,), ratios=(0.99,),
    problems=("diabetes",), steps=60, seeds=3, tuning_seeds=1, spread_chains=4, spread_steps=400, timing_rounds=2,
    workers=1,
)  # fmt: skip
ONLY_FIGURE_5 = dataclasses.replace(SMALL, problems=(), spread_chains=0)


def run_in(path, config):
    return convex.run(config, open_run(path, "convex", config))


@pytest.fixture(scope="module", autouse=True)
def _few_methods():
    """Four of the eight: what takes time here is to compile them, and test_race has them all."""
    few = [c for c in CONTENDERS if c.name in ("SGD", "hSGMP", "dmSGMP", "Polyak averaging")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "CONTENDERS", few)
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    path = tmp_path_factory.mktemp("run")
    return path, run_in(path, SMALL)


def text_of(path):
    _, values, records, environment = read_run(path)
    made = page(records, values, environment)
    blocks = [block for section in made.sections for block in section.blocks if isinstance(block, str)]
    return " ".join([*made.lead, *blocks])


@pytest.mark.slow
def test_records_are_as_agreed(done):
    _, records = done
    assert dict(records.schema) == SCHEMA
    assert records["experiment"].unique(maintain_order=True).to_list() == ["Fig. 5", "diabetes", "stationary spread"]
    figure = records.filter(pl.col("experiment") == "Fig. 5")
    names = ["SGD", "hSGMP m=1", "dmSGMP m₀=1"]
    distance = figure.filter(pl.col("quantity") == "distance")
    assert distance.group_by("series", maintain_order=True).len().rows() == [(name, 41) for name in names]
    assert distance.filter(pl.col("series") == "SGD")["x"].to_list() == list(range(41))
    # Every method starts at the same points.
    assert distance.filter(pl.col("x") == 0)["value"].n_unique() == 1


def test_means_and_bands_are_those_of_the_problems(done):
    path, records = done
    _, values, _, _ = read_run(path)
    assert values["random_problems"] == 3
    settings = convex._random(SMALL)
    found = np.stack([figure5.run_problem(settings, number) for number in range(3)])
    rows = records.filter((pl.col("series") == "hSGMP m=1") & (pl.col("experiment") == "Fig. 5"))
    mean = rows.filter(pl.col("quantity") == "distance")["value"].to_numpy()
    sd = rows.filter(pl.col("quantity") == "distance sd")["value"].to_numpy()
    np.testing.assert_allclose(mean, found[:, :, 1].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(sd, found[:, :, 1].std(axis=0, ddof=1), rtol=1e-9)


@pytest.mark.slow
def test_the_report_is_made_from_the_records(done):
    path, records = done
    assert write_report(path).is_file()
    text = text_of(path)
    for words in ("Fig. 5, 3 random problems, after 40 iterations", "Real data (diabetes)", "Stationary spread"):
        assert words in text
    assert "not finished" not in text
    assert "its gain over SGD is one over such steps" in text
    _, values, records, environment = read_run(path)
    longer = page(records, values | {"step_factor": 40.0}, environment)
    assert "over such steps" not in str(longer)
    table = summary(records)
    assert set(table["experiment"]) == {"Fig. 5", "diabetes", "stationary spread"}


def test_a_killed_run_goes_on_where_it_was(done, tmp_path, monkeypatch):
    _, whole = done
    run = open_run(tmp_path, "convex", SMALL)
    monkeypatch.setattr(comparison, "compare", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        convex.run(SMALL, run)
    assert "diabetes and stationary spread are missing" in text_of(tmp_path)
    monkeypatch.undo()
    monkeypatch.setattr(figure5, "figure5", lambda *_: pytest.fail("was recorded before"))
    records = run_in(tmp_path, SMALL)
    timed = pl.col("quantity") != "time a step / SGD's"
    assert_frame_equal(records.filter(timed), whole.filter(timed), check_exact=True)


@pytest.mark.slow
def test_problems_that_are_done_are_kept(tmp_path):
    whole = run_in(tmp_path / "whole", ONLY_FIGURE_5)
    run = open_run(tmp_path / "cut", "convex", ONLY_FIGURE_5)
    settings = convex._random(ONLY_FIGURE_5)
    known = figure5.run_problem(settings, 1)
    np.save(figure5._file(run.checkpoints, 1), known + 1.0)  # a mark, to see that it is not computed again
    rows = figure5.figure5(settings, 3, run.checkpoints, workers=1)
    finals = [r["value"] for r in rows if r["quantity"] == "final distance" and r["series"] == "SGD"]
    expected = whole.filter((pl.col("quantity") == "final distance") & (pl.col("series") == "SGD"))["value"].to_list()
    np.testing.assert_allclose(finals, [expected[0], expected[1] + 1.0, expected[2]], rtol=1e-12)


@pytest.mark.skipif(num_cores() < 2, reason="needs two cores")
@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(tmp_path):
    one = run_in(tmp_path / "one", ONLY_FIGURE_5)
    two = run_in(tmp_path / "two", dataclasses.replace(ONLY_FIGURE_5, workers=2))
    assert_frame_equal(one, two, check_exact=True)


@pytest.mark.slow
def test_steps_beyond_the_limit_are_said_and_divergence_is_shown(tmp_path):
    config = dataclasses.replace(SMALL, random_problems=2, spread_chains=0, step_factor=1e9, timing_rounds=1)
    with pytest.warns(UserWarning, match="not below the stability limit") as caught:
        records = run_in(tmp_path, config)
    assert any("SGD is not below the stability limit 0.041 of the stiffest component" in str(w.message) for w in caught)
    last = records.filter(
        (pl.col("experiment") == "diabetes") & (pl.col("setting") == comparison.RULE) & (pl.col("series") == "SGD")
        & (pl.col("quantity") == "gap") & (pl.col("x") == 60 * 4)
    )  # fmt: skip
    assert last.height == 1
    assert not np.isfinite(last["value"].to_numpy()).any()
    text = text_of(tmp_path)
    assert "Fig. 5: the first 40 of 40 steps of SGD are not below the stability limit" in text
    assert "Diverged: SGD (3 of 3 runs)" in text
    write_report(tmp_path)


def test_steps_within_the_limit_are_no_concern():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(convex._concerns(Config())) == []
    edge = dataclasses.replace(SMALL, step_factor=2.0, random_problems=0)
    concerns = list(convex._concerns(edge))  # SGD at its limit, averaged or not; those with a mass bear more
    assert [concern.partition(" of ")[2].partition(" is ")[0] for concern in concerns] == ["SGD", "Polyak averaging"]
    late = "".join(convex._concerns(dataclasses.replace(edge, step_factor=2.5)))
    # dmSGMP: 1 + √(1 + 4 mL) ≤ 2.5 from mL = 9·0.01^(n/30) ≤ 0.3125 on, n ≥ 21.9: 38 of its 60 steps.
    assert "of dmSGMP is not below the stability limit" in late
    assert "at 38 of 60 steps" in late


def test_the_theory_is_told_what_is_minimised():
    told = convex.problems(dataclasses.replace(SMALL, masses=(1.0, 0.5)))
    names = ["Fig. 5, m = 1", "Fig. 5, m = 0.5", "Fig. 5, m = 1·0.99ⁿ", "Fig. 5, m = 0.5·0.99ⁿ",
             "diabetes, hSGMP by rule (38)"]  # fmt: skip
    assert [setting.name for setting in told] == names
    assert told[0].step == pytest.approx(5.0 / 15.0)
    assert all(setting.step * setting.max_curvature == pytest.approx(setting.friction) for setting in told)
    # 100 steps h/(n+1) take h·(γ + log(100 + 1/2 + 1/2400)). Time is counted without γ, and log(n+1) is n steps.
    time = sum(told[3].step / (n + 1) for n in range(100)) - np.euler_gamma * told[3].step
    assert told[3].mass(time) == pytest.approx(0.5 * 0.99 ** (99.5 + 1 / 2400), rel=1e-7)
    says = [dict(what_theory_says(setting)) for setting in told]
    assert [answers["A3"].partition(":")[0] for answers in says] == ["holds"] * 2 + ["fails"] * 2 + ["holds"]


def test_the_presets_are_valid():
    check(Config())
    check(QUICK)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"l2": 0.0}, "`l2` must be positive, got 0.0: without it single components have no unique minimiser"),
        ({"lowest": 0.0}, "`lowest` must be positive, got 0.0: a component with curvature 0 has no unique minimiser"),
        ({"highest": 0.01}, "`highest` must be at least lowest=0.05, got 0.01"),
        ({"problems": ("diabets",)}, "did you mean 'diabetes'"),
        ({"problems": ("digits", "digits")}, "`problems` must be different"),
        ({"problems": (), "random_problems": 0, "spread_chains": 0}, "nothing else is asked for"),
        ({"batch_size": 101}, "`batch_size` must be from 1 to 100, got 101"),
        ({"batch_size": 0}, "`batch_size` must be from 1 to 100, got 0"),
        ({"seeds": 0}, "`seeds` must be at least 1"),
        ({"random_problems": -1}, "`random_problems` must be at least 0, got -1"),
        ({"masses": (1.0, 1.0)}, "`masses` must be different"),
        ({"ratios": (0.99, 0.99)}, "`ratios` must be different"),
        ({"masses": (-1.0,)}, "`masses` must be non-negative"),
        ({"ratios": (1.5,)}, r"`ratios` must be in \(0, 1\], got 1.5"),
        ({"friction": 0.0}, "`friction` must be positive"),
        ({"step_factor": 0.0}, "`step_factor` must be positive"),
        ({"spread_steps": 1}, "`spread_steps` must be at least 1"),
        ({"workers": 10**6}, "`workers` must be in"),
    ],
)
def test_bad_configurations_are_refused_before_any_work(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(), **change))


def test_slopes_are_judged_from_the_records():
    def verdict(slope, low, high, exact):
        rows = [
            row(settling.EXPERIMENT, "SGD", "slope", slope, interval=None if low is None else (low, high)),
            row(settling.EXPERIMENT, "SGD", "exact slope", exact),
        ]
        return page(frame(rows), {}, {}).lead[-1]

    assert "agrees." in verdict(1.0, 0.95, 1.05, 1.04)
    assert "does not agree" in verdict(1.0, 0.95, 1.05, 1.06)
    assert "no verdict: the ensemble is too small (interval ± 0.2)" in verdict(1.0, 0.8, 1.2, 1.1)
    assert "no verdict: one run" in verdict(1.0, None, None, 1.0)
    assert "no verdict: some steps are not stable" in verdict(1.0, 0.9, 1.1, np.nan)
