"""The non-convex study in small: from a configuration to a report, and on from where it was stopped."""

import dataclasses
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy import stats

from underdamped import ExponentialDecay
from underdamped.studies import nonconvex
from underdamped.studies.landscapes import methods
from underdamped.studies.landscapes.plane import Falling
from underdamped.studies.landscapes.rows import SCHEMA, share
from underdamped.studies.nonconvex import EXPERIMENTS, QUICK, Config, check
from underdamped.studies.reporting.landscapes import comparison, figure6, planes
from underdamped.studies.reporting.pages.nonconvex import page, summary
from underdamped.studies.reporting.report import write_report
from underdamped.studies.runs.records import open_run
from underdamped.studies.setting import what_theory_says

TINY = dataclasses.replace(
    QUICK, problems=("styblinski-tang-2",), plane_problems=("styblinski-tang-2",), gradients=20, settings=2,
    tuning_runs=4, judged_runs=8, tunings=2, mass_runs=4, plane_runs=4, plane_size=2, paths=4, frames=3, fig6_runs=2,
    fig6_dimension=3, fig6_components=6, fig6_iterations=40,
)  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    run = open_run(tmp_path_factory.mktemp("run"), "nonconvex", TINY)
    return run, nonconvex.run(TINY, run)


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_stopped_run_goes_on_without_doing_anything_twice(opened, monkeypatch):
    run, records = opened
    run.write_records(records.filter(pl.col("job") != "fig6"))
    for name in ("compare", "sweep", "plane", "moving"):
        monkeypatch.setattr(nonconvex, name, None)  # calling it would fail
    again = nonconvex.run(TINY, run)
    assert again.filter(pl.col("series") != "fig6").equals(records.filter(pl.col("series") != "fig6"))
    assert nonconvex.run(TINY, run).equals(again)


@pytest.mark.slow
@pytest.mark.parametrize("job", ["comparison, styblinski-tang-2", "plane, styblinski-tang-2", "moving", "fig6"])
def test_a_page_of_a_part_shows_that_part(opened, job):
    _, records = opened
    assert len(page(records.filter(pl.col("job") == job), {}, {}).sections) == 2


METHODS = ("SGD", "SGD, falling rate", "momentum", "momentum, falling rate", "dmSGMP", "Adam", "SGHMC")


def shares(**hits):
    """Records of the comparison: hits of 1000 runs in each tuning, 500 and a little for methods that are not named."""
    tunings = len(next(iter(hits.values())))
    rows = [share("comparison", "gradient descent", 250, 1000, problem="A", job="")]
    for number, method in enumerate(METHODS):
        found = hits.get(method, [500 + (3 * t + number) % 5 for t in range(tunings)])
        rows += [share("comparison", method, h, 1000, x=t, problem="A", note="lr 1, left 0.1", job="")
                 for t, h in enumerate(found)]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=SCHEMA)


def test_losing_mass_wins_only_where_tunings_agree():
    def verdict(hits):
        return comparison.answer(shares(dmSGMP=hits))[0]

    assert "keeping it: more often on A" in verdict([700, 702, 698, 701, 699])
    assert "keeping it: less often on A" in verdict([300, 302, 298, 301, 299])
    # On average ahead by 60 runs of 1000, which is far more than the chance of 5000 runs, but not with every tuning.
    assert "keeping it: no clear difference on A" in verdict([700, 430, 650, 440, 600])
    assert "(Intervals over 5 tunings of every method.)" in verdict([500] * 5)


def test_intervals_are_those_of_paired_differences_over_tunings():
    lost, kept = [520, 560, 490, 610], [500, 510, 495, 540]
    rows = shares(dmSGMP=lost, momentum=kept)
    gap = comparison._apart(rows, "A", "dmSGMP", "momentum")
    expected = stats.ttest_rel(np.array(lost) / 1000, np.array(kept) / 1000).confidence_interval(1 - 0.05 / 6)
    np.testing.assert_allclose((gap.low, gap.high), expected, rtol=1e-12)
    single = comparison._share(rows, "A", "dmSGMP")
    assert single.mean == pytest.approx(0.545)
    expected = stats.ttest_1samp(np.array(lost) / 1000, 0).confidence_interval(0.95)
    np.testing.assert_allclose((single.low, single.high), expected, rtol=1e-12)


def test_tunings_that_are_all_alike_have_no_interval():
    rows = shares(dmSGMP=[1000, 1000, 1000], momentum=[1000, 1000, 999])
    assert comparison._share(rows, "A", "dmSGMP") == ([1.0, 1.0, 1.0], 1.0, None, None)
    assert comparison._share(rows, "A", "momentum").low < 999 / 1000
    picture = comparison.section(rows, {}).blocks[1]
    (lost,) = (mark for mark in picture.panels[0].contents if mark.label == "dmSGMP")
    assert (lost.mean, lost.low, lost.high) == (1.0, None, None)
    assert "none where all of them are alike" in picture.caption


def test_the_page_says_what_its_intervals_assume_and_leave_out():
    rows = shares(dmSGMP=[700, 702, 698], momentum=[500, 510, 495])
    table = comparison.section(rows, {}).blocks[2]
    assert "hold together with 95 % (Bonferroni) if differences over tunings are about normal." in table.caption
    assert "Phase retrieval is one draw of its measurements" in page(rows, {}, {}).sections[-1].blocks[0]


def test_one_tuning_ranks_nothing():
    rows = shares(dmSGMP=[999], momentum=[1])
    assert "No order of methods is claimed" in comparison.answer(rows)[0]
    blocks = comparison.section(rows, {}).blocks
    assert "no order of methods follows" in blocks[0]
    assert not any("Differences of shares" in block.caption for block in blocks[1:])


def test_tuned_parameters_are_counted_for_names_that_hold_commas():
    rows = shares(dmSGMP=[999], momentum=[1]).with_columns(
        note=pl.when(pl.col("series") == "SGD").then(pl.lit("lr 1")).otherwise("note")
    )
    words = (
        "Tuned parameters: 1 for “SGD”; 2 for “SGD, falling rate”, “momentum”, “momentum, falling rate”, “dmSGMP”, "
        "“Adam” and “SGHMC”. The same"
    )
    assert words in comparison.section(rows, {}).blocks[0]


def test_a_method_that_keeps_its_mass_is_in_the_family_of_one_that_loses_it():
    assert methods.METHODS["dmSGMP"].ranges == methods.METHODS["momentum"].ranges | {"left": (1e-4, 1.0)}
    momentum = methods.METHODS["momentum"].transform({"step": 3.0, "lost": 0.2}, 2.0, 10)
    kept = methods.METHODS["dmSGMP"].transform({"step": 3.0, "lost": 0.2, "left": 1.0}, 2.0, 10)
    q, states = jnp.ones(2), (momentum.init(jnp.ones(2)), kept.init(jnp.ones(2)))
    for n in range(5):
        (a, first), (b, second) = (t.update(n * q + 1, s, q) for t, s in zip((momentum, kept), states, strict=True))
        np.testing.assert_allclose(a, b, rtol=1e-5)
        states = first, second


def test_every_tuning_tries_other_settings():
    draw = methods.METHODS["dmSGMP"].draw
    assert not np.array_equal(draw(4, [0, 0])["step"], draw(4, [0, 1])["step"])


def test_fig6_is_judged_by_a_family():
    def answer(gap, *pairs):
        masses = (1, 0.5, 0.25)[: len(pairs) + 1]
        base = {"experiment": "Fig. 6, h = α/15", "quantity": "difference", "runs": 10, "job": ""}
        made = [base | {"series": f"SGMP m={m}", "note": sgd, "x": x, "value": gap, "low": gap - 1, "high": gap + 1}
                for m in masses for sgd in ("SGD η=h/α", "SGD η=h") for x in (50.0, 500.0)]  # fmt: skip
        made += [base | {"series": f"SGMP m={light}", "note": f"SGMP m={heavy}", "x": 50.0, "value": pair,
                         "low": pair - 1, "high": pair + 1}
                 for (heavy, light), pair in zip(pairwise(masses), pairs, strict=True)]  # fmt: skip
        return figure6.answer(pl.DataFrame(made, schema_overrides=SCHEMA))[0]

    # Five comparisons: 2 masses with 2 SGDs and one pair of masses. t(0.995, 9)/t(0.975, 9) = 3.2498/2.2622 = 1.4366
    assert "of 2 choices of mass 0 settle lower than SGD η=h/α, 0 higher, 2 neither" in answer(-1.43, -9.0)
    assert "of 2 choices of mass 2 settle lower than SGD η=h/α, 0 higher, 0 neither" in answer(-1.44, -9.0)
    assert "of 2 choices of mass 0 settle lower than SGD η=h/α, 2 higher, 0 neither" in answer(1.44, -9.0)
    assert "all 5 t-intervals hold together" in answer(1.44, -9.0)

    early = "“A smaller mass falls faster early”: "
    assert f"{early}reproduced (iteration 50) with" in answer(0.0, -1.44)
    assert f"{early}no verdict (iteration 50, intervals too wide) with" in answer(0.0, -1.4)
    assert f"{early}contradicted (iteration 50) with" in answer(0.0, 1.44)
    assert f"{early}no verdict (iteration 50, intervals too wide) with" in answer(0.0, -9.0, 0.0)
    assert f"{early}contradicted (iteration 50) with" in answer(0.0, -9.0, 9.0)


def test_the_theory_says_that_it_does_not_apply():
    both = dataclasses.replace(TINY, plane_problems=("styblinski-tang-2", "rastrigin"), experiments=("plane", "fig6"))
    told, bounded = nonconvex.problems(both)
    assert told.max_curvature == pytest.approx(134, abs=1)
    assert told.remark.startswith("Not convex: the theorems do not apply")
    answers = dict(what_theory_says(told))
    assert answers["curvatures"].startswith("of the mean at sampled points at most L = ")
    assert answers["A1"].startswith("fails: components are quartics; L is a curvature of the mean at sampled points")
    assert answers["A2"] == "fails: not convex"
    assert "every component" not in " ".join(answers.values())
    assert set(answers) == {"curvatures", "mass, friction", "remark", "step rule", "stability of the scheme",
                            "A1", "A2", "Def. 8", "A3"}  # fmt: skip
    # Rastrigin's gradients are Lipschitz, but the largest curvature of samples is no constant for it.
    assert dict(what_theory_says(bounded))["A1"].startswith("is open")


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
        ({"problems": ()}, "`problems` must be at least one, got .*: comparison and mass would measure nothing"),
        ({"plane_problems": ()}, "`plane_problems` must be at least one, got .*: plane would measure nothing"),
        ({"tunings": 0}, "`tunings` must be at least 1, got 0"),
        ({"gradients": 5}, "`gradients` must be at least 20, got 5"),
        ({"plane_size": 1}, "`plane_size` must be at least 2"),
        ({"fig6_components": 3}, "`fig6_components` must be at least 5"),
        ({"seed": -1}, "`seed` must be non-negative"),
    ],
)
def test_bad_configurations_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(), **change))
