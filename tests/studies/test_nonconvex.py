"""The non-convex study in small: from a configuration to a report, and on from where it was stopped."""

import dataclasses

import jax.numpy as jnp
import polars as pl
import pytest

from underdamped import ExponentialDecay
from underdamped.studies import nonconvex
from underdamped.studies.landscapes.plane import Falling
from underdamped.studies.landscapes.rows import SCHEMA, share
from underdamped.studies.nonconvex import EXPERIMENTS, QUICK, Config, check
from underdamped.studies.reporting.landscapes import comparison, planes
from underdamped.studies.reporting.pages.nonconvex import page, summary
from underdamped.studies.reporting.report import write_report
from underdamped.studies.runs.records import open_run

TINY = dataclasses.replace(
    QUICK, problems=("styblinski-tang-2",), plane_problems=("styblinski-tang-2",), gradients=20, settings=2,
    tuning_runs=4, mass_runs=4, plane_runs=4, plane_size=2, paths=4, frames=3, fig6_runs=2, fig6_dimension=3,
    fig6_components=6, fig6_iterations=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    run = open_run(tmp_path_factory.mktemp("run"), "nonconvex", TINY)
    return run, nonconvex.run(TINY, run)


def test_everything_is_recorded_and_reported(opened):
    run, records = opened
    assert dict(records.schema) == SCHEMA
    assert records["job"].unique(maintain_order=True).to_list() == [
        "comparison, styblinski-tang-2", "mass, styblinski-tang-2", "plane, styblinski-tang-2", "moving", "fig6",
    ]  # fmt: skip
    html = write_report(run.path).read_text(encoding="utf-8")
    for words in ("Does losing momentum help", "Who finds the global minimum", "data:image/gif", "random quartics"):
        assert words in html
    assert (run.path / "figures" / "ensemble.gif").stat().st_size < 1.5e6
    assert summary(records)["landscape"].to_list() == ["Styblinski–Tang, K=2"]


def test_a_stopped_run_goes_on_without_doing_anything_twice(opened, monkeypatch):
    run, records = opened
    run.write_records(records.filter(pl.col("job") != "fig6"))
    for name in ("compare", "sweep", "plane", "moving"):
        monkeypatch.setattr(nonconvex, name, None)  # calling it would fail
    again = nonconvex.run(TINY, run)
    assert again.filter(pl.col("series") != "fig6").equals(records.filter(pl.col("series") != "fig6"))
    assert nonconvex.run(TINY, run).equals(again)


@pytest.mark.parametrize("job", ["comparison, styblinski-tang-2", "plane, styblinski-tang-2", "moving", "fig6"])
def test_a_page_of_a_part_shows_that_part(opened, job):
    _, records = opened
    assert len(page(records.filter(pl.col("job") == job), {}, {}).sections) == 2


def test_losing_mass_wins_only_where_the_interval_says_so():
    def rows(hits, methods=("gradient descent", "SGD", "momentum", "dmSGMP", "Adam", "SGHMC")):
        return pl.DataFrame([share("comparison", m, hits.get(m, 500), 1000, problem="A", job="") for m in methods],
                            schema_overrides=SCHEMA)  # fmt: skip

    assert "keeping it: no clear difference on A" in comparison.answer(rows({"dmSGMP": 510}))[0]
    assert "keeping it: more often on A" in comparison.answer(rows({"dmSGMP": 700}))[0]
    assert "keeping it: less often on A" in comparison.answer(rows({"dmSGMP": 300}))[0]
    assert comparison.answer(rows({"dmSGMP": 700}))[1].startswith("Clearly ahead of all others: dmSGMP on A (70.0 %)")
    assert "On none of the 1 landscapes" in comparison.answer(rows({"dmSGMP": 700, "Adam": 690}))[1]


def test_the_plane_tells_where_losing_mass_helps():
    points = [(m, r) for r in (0.1, 1.0) for m in (1.0, 100.0)]
    hits = {("kept", *point): 300 for point in points} | {("lost", *point): 300 for point in points}
    hits["lost", 100.0, 1.0] = 600
    rows = [share("plane", name, hits[name, m, r], 1000, x=m, y=r, problem="A") for name in ("kept", "lost")
            for m, r in points]  # fmt: skip
    (sentence,) = planes.sentences(pl.DataFrame(rows))
    assert "more of them arrive when the mass is lost at 1 of 4 points" in sentence
    assert "with mL/α² = 100 and κα/L = 1" in sentence


def test_the_traced_schedule_is_the_cores():
    t = jnp.linspace(0.0, 3.0, 7)
    expected = jnp.array([ExponentialDecay(2.0, 0.7)(float(one)) for one in t])
    assert jnp.allclose(Falling(jnp.asarray(2.0), jnp.asarray(0.7))(t), expected, rtol=1e-6)


def test_presets_are_valid():
    check(Config())
    check(QUICK)
    assert set(Config().experiments) == set(EXPERIMENTS)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"experiments": ("compare",)}, "`experiments` must be made of known names, got 'compare': did you mean"),
        ({"experiments": ()}, "`experiments` must be at least one"),
        ({"problems": ("himmelblow",)}, "did you mean 'himmelblau'[?]"),
        ({"problems": ("rastrigin", "rastrigin")}, "`problems` must be without repetition"),
        ({"gradients": 5}, "`gradients` must be at least 20, got 5"),
        ({"plane_size": 1}, "`plane_size` must be at least 2"),
        ({"fig6_components": 3}, "`fig6_components` must be at least 5"),
        ({"seed": -1}, "`seed` must be non-negative"),
    ],
)
def test_bad_configurations_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(), **change))
