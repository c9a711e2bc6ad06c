"""The limits study: its machinery on experiments that cost nothing, and each real one at its smallest."""

import dataclasses
import math

import jax
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.studies import limits
from underdamped.studies.limits import EXPERIMENTS, QUICK, Config, Experiment, check, problems
from underdamped.studies.reporting.pages.limits import _QUADRATIC_ALONE, SECTIONS, page, summary
from underdamped.studies.reporting.report import Picture, Table, write_report
from underdamped.studies.reporting.theorems.verdicts import judgements
from underdamped.studies.runs.records import open_run
from underdamped.studies.setting import what_theory_says
from underdamped.studies.theorems.rows import SCHEMA, frame, judged

TINY = dataclasses.replace(
    QUICK,
    problems=("quadratic",),
    paths=30,
    logistic_paths=4,
    starts=30,
    logistic_starts=2,
    nu=(1e-1, 1e-2),
    masses=(1e-1, 1e-2),
)


def counted(name, calls, fails=False):
    """An experiment that draws one number, and may be interrupted."""

    def measure(problem, config, key):
        calls.append((name, problem.name))
        if fails:
            raise KeyboardInterrupt
        return judged("", "a draw", float(jax.random.uniform(key)), 0.5, (0.0, 1.0))

    return Experiment(name, measure)


def measured(records):
    return records.filter(pl.col("quantity") == "measured").select("experiment", "problem", "value")


def test_a_killed_run_goes_on_where_it_was(tmp_path, monkeypatch):
    calls: list = []
    monkeypatch.setattr(limits, "EXPERIMENTS", (counted("a", calls), counted("b", calls, fails=True)))
    with pytest.raises(KeyboardInterrupt):
        limits.run(Config(), open_run(tmp_path / "killed", "limits", Config()))
    assert calls == [("a", "quadratic"), ("a", "logistic"), ("b", "quadratic")]
    calls.clear()
    monkeypatch.setattr(limits, "EXPERIMENTS", (counted("a", calls), counted("b", calls)))
    records = limits.run(Config(), open_run(tmp_path / "killed", "limits", Config()))
    assert calls == [("b", "quadratic"), ("b", "logistic")]
    whole = limits.run(Config(), open_run(tmp_path / "whole", "limits", Config()))
    assert dict(records.schema) == SCHEMA
    assert_frame_equal(measured(records), measured(whole))


def test_randomness_depends_on_seed_experiment_and_problem_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "EXPERIMENTS", (counted("a", []), counted("b", [])))

    def values(name, config):
        return dict(
            zip(
                "abcd", measured(limits.run(config, open_run(tmp_path / name, "limits", config)))["value"], strict=False
            )
        )

    everything = values("all", Config())
    assert len(set(everything.values())) == 4
    assert list(values("one", Config(experiments=("b",))).values()) == [everything["c"], everything["d"]]
    assert not set(everything.values()) & set(values("other", Config(seed=1)).values())


def test_experiments_run_in_double_precision_and_leave_the_setting_alone(tmp_path, monkeypatch):
    seen = []

    def measure(problem, config, key):
        seen.append(problem.minimizer.dtype.name)
        return judged("", "", 1.0, 1.0, (0.0, 2.0))

    before = jax.config.jax_enable_x64
    monkeypatch.setattr(limits, "EXPERIMENTS", (Experiment("a", measure),))
    limits.run(Config(), open_run(tmp_path / "run", "limits", Config()))
    assert seen == ["float64", "float64"]
    assert jax.config.jax_enable_x64 == before


def test_the_lead_counts_verdicts(tmp_path, monkeypatch):
    def measure(problem, config, key):
        return [
            *judged("", "good", 1.0, 1.0, (0.0, 2.0)),
            *judged("", "bad", 3.0, 1.0, (0.0, 2.0)),
            *judged("", "worse", math.nan, 1.0, (0.0, 2.0)),
        ]

    monkeypatch.setattr(limits, "EXPERIMENTS", (Experiment("a", measure, ("quadratic",)),))
    records = limits.run(Config(), open_run(tmp_path / "run", "limits", Config()))
    assert page(records, {}, {}).lead == ["Of 3 comparisons of a measurement with theory, 1 agrees and 2 do not."]
    assert summary(records).rows() == [("a", "quadratic", 1, 2, 0)]
    (table,) = page(records, {}, {}).sections[0].blocks
    assert [(row[0], row[3], row[-1]) for row in table.rows] == [
        ("a, quadratic\nbad; ", "1 of 3", "does not agree: above 2")
    ]


def test_an_unfinished_run_says_so():
    rows = [
        {"experiment": "theorem5", "problem": "quadratic"} | one
        for one in judged("", "slope", 0.5, 0.5, (0.4, 0.6), paths=100)
    ]
    config = {"experiments": ("theorem5", "spread"), "problems": ("quadratic", "logistic")}
    lead = page(frame(rows).filter(pl.col("quantity") == "nothing"), config, {}).lead
    missing = "Theorem 5 (quadratic); Theorem 5 (logistic); Long run: spread (quadratic)"
    assert lead == [
        "Nothing has been compared with theory yet.",
        f"The run is not finished: {missing} not recorded yet.",
    ]


def test_the_page_knows_what_is_measured_on_the_quadratic_alone():
    assert {one.name for one in EXPERIMENTS if one.problems == ("quadratic",)} == set(_QUADRATIC_ALONE)


@pytest.fixture(scope="module")
def settings():
    return {one.name: dict(what_theory_says(one)) for one in problems(Config())}


def test_theory_is_asked_about_every_choice_of_corollary_19(settings):
    a4 = {name: found["A4"].partition(":")[0] for name, found in settings.items() if "Corollary 19" in name}
    assert len(a4) == 12
    for problem in ("quadratic", "logistic"):
        assert a4[f"{problem}: Corollary 19, ddSGMP, β = t³"] == "fails"
        assert a4[f"{problem}: Corollary 19, ddSGMP, β = t²"] == "holds"


def test_theory_is_asked_about_every_experiment(settings):
    for word in ("Theorem 5", "Theorem 6", "Theorem 15", "Lemma 32", "Proposition 22", "long run", "two springs"):
        assert any(word in name for name in settings), word
    assert "not above" in settings["two springs, heavy: m = 10"]["ergodicity"]
    assert "contracts" in settings["two springs, light: m = 0.0556"]["ergodicity"]
    assert len(problems(Config(experiments=("theorem6",), problems=("quadratic",)))) == 2


def test_every_experiment_has_a_section():
    assert {experiment.name for experiment in EXPERIMENTS} == set(SECTIONS)


def test_the_presets_are_valid():
    check(Config())
    check(QUICK)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"experiments": ("theorem7",)}, "`experiments` must be made of known names, got 'theorem7': did you mean"),
        ({"experiments": ("theorem5", "theorem5")}, "`experiments` must be without repetition"),
        ({"problems": ()}, "`problems` must be at least one"),
        ({"problems": ("cubic",)}, "`problems` must be made of known names"),
        ({"paths": 1}, "`paths` must be at least 2, got 1"),
        ({"decays": math.inf}, "`decays` must be finite"),
        ({"horizon": math.inf}, "`horizon` must be finite"),
        ({"horizon": 20.0}, "`horizon` must be at least 40, got 20.0"),
        ({"choices": 7}, "`choices` must be from 1 to 6"),
        ({"experiments": ("spread",), "problems": ("logistic",)}, "`problems` must be among those of an experiment"),
        ({"decays": 1.0}, "`decays` must be at least 2, got 1.0"),
        ({"seed": -1}, "`seed` must be non-negative"),
        ({"nu": (0.1,)}, "`nu` must be two or more different numbers"),
        ({"masses": (0.1, 0.0)}, "`masses` must be two or more different numbers in"),
    ],
)
def test_bad_input_is_refused(change, match):
    with pytest.raises(ValueError, match=match):
        check(dataclasses.replace(Config(), **change))


@pytest.mark.parametrize(
    "name",
    [
        "theorem6",
        pytest.param("theorem5", marks=pytest.mark.slow),
        pytest.param("theorem15", marks=pytest.mark.slow),
        pytest.param("lyapunov", marks=pytest.mark.slow),
    ],
)
def test_an_experiment_from_run_to_report(tmp_path, name):
    """What is proved for every path must hold in the smallest ensemble; slopes need not have a verdict there."""
    config = dataclasses.replace(TINY, experiments=(name,))
    run = open_run(tmp_path / "run", "limits", config)
    records = limits.run(config, run)
    proved = [one for one in judgements(records) if one.accepted[0] == -math.inf or name == "lyapunov"]
    assert all(one.agrees for one in proved)
    assert proved or name == "theorem5"
    (section,) = page(records, {}, {}).sections[1:]
    assert {type(block) for block in section.blocks} >= {str, Picture, Table}
    assert write_report(run.path).is_file()
    assert list((run.path / "figures").glob(f"{name}.svg"))
