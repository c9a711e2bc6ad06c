"""What the theory says of a problem, against its own functions and pencil-derived cases."""

import math
import re

import pytest

from underdamped import ExponentialDecay, PowerDecay, stability_limit
from underdamped.studies.setting import Setting, what_theory_says, what_theory_says_of_all


def answers(**changes):
    given = {"mass": 0.25, "min_curvature": 1.0, "max_curvature": 4.0, "step": 0.25, "rate": 10.0} | changes
    return dict(what_theory_says(Setting("p", **given)))


def test_every_answer_to_a_critically_damped_problem():
    """At mu = 1, L = 4, m = 1/4, alpha = 1: the mass is the best, (1 + sqrt 5)/4 the limit, 1/2 the threshold."""
    found = answers()
    assert found["step rule"] == "h = alpha/L = 0.25; it takes h = 0.25"
    assert found["stability of the scheme"] == "h < 0.809: stable"
    assert found["best mass"] == "m = 0.25, which contracts at the rate 2 of the full gradient; mass 0 at 1"
    assert found["rate of contraction"] == "2, per unit of time, with the full gradient"
    assert found["ergodicity"].startswith("friction 1 is above the threshold 0.5: contracts at the rate ")
    assert found["A1"].startswith("holds")
    assert found["A4"].startswith("fails")


def test_a_step_beyond_the_limit_is_called_unstable():
    limit = stability_limit(4.0, 0.25)
    assert answers(step=limit * 1.01)["stability of the scheme"].endswith("UNSTABLE with the step it takes")
    assert answers(step=limit * 0.99)["stability of the scheme"].endswith(": stable")


def test_a_mass_that_is_lost_is_judged_at_both_ends():
    found = answers(mass=ExponentialDecay(1.0, 0.1))
    assert found["stability of the scheme"] == "h < 1.281 at m = 1, h < 0.5 once it is lost: stable"
    assert found["rate of contraction"].startswith("0.5 at m = 1, 1 once it is lost")
    assert "not above the threshold 1" in found["ergodicity at m = 1"]
    assert found["ergodicity once it is lost"].startswith("friction 1 is above the threshold 0")


def test_a_mass_that_stays_is_judged_where_it_starts_alone():
    assert answers(mass=lambda t: 0.5)["rate of contraction"].startswith("1 at m = 0.5, per unit")


def test_another_friction_is_brought_to_1():
    """Counting time in units of 2, the mass 4 e^(-t/10) is a quarter and falls at 1/5; 2 t becomes 8 s."""
    found = answers(mass=ExponentialDecay(4.0, 0.1), friction=2.0, rate=lambda t: 2 * t)
    constant, start = map(float, re.search(r"\|m'\| <= ([\d.]+) m, m\(0\) = ([\d.]+)", found["A3"]).groups())
    assert constant == pytest.approx(0.2, rel=1e-6)
    assert start == 1.0
    assert found["A3"].endswith("in the unit of time that makes the friction 1")
    # kappa = 2 t becomes 8 s, B = 4 s^2, -log m = 0.2 s = 0.1 sqrt B
    assert float(re.search(r"c = ([\d.]+)", found["A4"])[1]) == pytest.approx(0.1, rel=1e-6)


def test_what_is_not_known_is_left_out():
    found = dict(what_theory_says(Setting("p", mass=0.0)))
    assert found["curvatures"] == "of every component unknown"
    assert not {"step rule", "best mass", "ergodicity", "A4"} & set(found)
    found = dict(what_theory_says(Setting("p", PowerDecay(1.0, 0.5), max_curvature=2.0, step=0.5, rate=math.inf)))
    assert found["curvatures"] == "of every component at most L = 2"
    assert found["switching"] == "none: the full gradient"
    assert "steepest direction" in found["contraction a step"]
    assert "best mass" not in found


def test_on_a_terminal_brackets_are_no_markup(monkeypatch, capsys):
    from underdamped.cli import _show_theory

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "150")
    _show_theory([Setting("eigenvalues in [a, b]", 1.0, remark="[bold]")], first=True)
    shown = capsys.readouterr().out
    assert "[a, b]" in shown
    assert "[bold]" in shown
    assert "│ curvatures" in shown


def test_an_assumption_that_is_said_to_fail_fails():
    found = answers(not_met={"A1": "the gradient jumps"})
    assert found["A1"] == "fails: the gradient jumps"
    assert found["A2"].startswith("holds")
    assert found["curvatures"].endswith("not a Lipschitz bound")
    assert "ergodicity" not in found


def test_of_a_mass_that_stays_nothing_is_said_about_theorem_15():
    assert "Theorem 15" not in answers()["A3"]
    assert "Theorem 15" in answers(mass=ExponentialDecay(1.0, 0.1))["A3"]


def test_what_cases_share_is_said_once():
    cases = [Setting("p", 1.0, max_curvature=4.0, rate=rate, case=f"rate {rate:g}") for rate in (1.0, 2.0)]
    found = what_theory_says_of_all(cases)
    assert dict(found)["switching (rate 2)"] == "at rate kappa = 2"
    assert len(found) == len(dict(found))
    assert sum(question.startswith("step rule") for question, _ in found) == 1
    assert what_theory_says_of_all(cases[:1]) == what_theory_says(cases[0])
