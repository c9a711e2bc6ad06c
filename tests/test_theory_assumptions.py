"""The constants of A3 against derivatives, and the verdicts on the paper's own examples and on what they exclude."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from underdamped import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    Scaled,
)
from underdamped.theory import check_assumptions, decay_rate

KNOWN = [
    Constant(0.7),
    PowerDecay(0.7, rate=0.3),
    PowerDecay(0.7, rate=0.3, power=2.5),
    ExponentialDecay(0.7, rate=0.3),
    GeometricDecay(0.7, ratio=0.9),
    LinearDecay(0.7, duration=5.0, final=0.1),
    CosineDecay(0.7, duration=5.0, final=0.1),
    Scaled(CosineDecay(0.7, duration=3.0, final=0.2), factor=2.0),
]


def verdicts(*args, **options):
    return {verdict.assumption: verdict for verdict in check_assumptions(*args, **options)}


@pytest.mark.parametrize("schedule", KNOWN, ids=repr)
def test_the_closed_form_is_the_supremum_of_the_slope(schedule):
    times = np.linspace(0, 6, 200_001)
    slopes = np.abs(np.diff(np.log(schedule(times)))) / np.diff(times)
    value, exact = decay_rate(schedule)
    assert exact
    assert slopes.max() <= value * (1 + 1e-7) + 1e-12
    assert slopes.max() == pytest.approx(value, rel=1e-3, abs=1e-12)


@pytest.mark.parametrize("schedule", KNOWN, ids=repr)
def test_the_grid_finds_it_from_below(schedule):
    value, exact = decay_rate(lambda t: schedule(t))
    assert not exact
    assert decay_rate(schedule).value * 0.98 - 1e-12 <= value <= decay_rate(schedule).value * (1 + 1e-9) + 1e-12


@pytest.mark.parametrize(
    "schedule",
    [LinearDecay(1.0, duration=5.0), CosineDecay(1.0, duration=5.0), GeometricDecay(1.0, ratio=0.0)],
    ids=repr,
)
def test_what_vanishes_at_a_finite_time_has_no_constant(schedule):
    assert decay_rate(schedule) == (math.inf, True)
    assert decay_rate(lambda t: schedule(t)).value == math.inf
    found = verdicts(schedule)
    assert not found["A3"].holds
    assert not found["Def. 8"].holds


def test_no_mass_at_all_has_nothing_to_lose():
    for nothing in (0.0, 0, Constant(0.0), ExponentialDecay(0.0, 3.0), Scaled(ExponentialDecay(1.0, 3.0), 0.0)):
        assert decay_rate(nothing) == (0.0, True)
        assert "0 from the start" in verdicts(nothing)["Def. 8"].words
        assert verdicts(nothing, lambda t: 2 * t)["A4"].holds is None


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_both_masses_of_the_paper_satisfy_a3_with_their_own_constant(initial, rate):
    for mass in (ExponentialDecay(initial, rate), PowerDecay(initial, rate)):
        found = verdicts(mass)
        assert found["A3"].holds
        assert found["A3"].constant == rate
        assert found["A3"].basis == "closed form"
        assert found["Def. 8"].holds
        assert "A4" not in found


@pytest.mark.parametrize(
    "mass", [ExponentialDecay(1.0, 1.5), PowerDecay(1.0, 0.5, power=3.0), lambda t: math.exp(-1.5 * t)]
)
def test_a_constant_above_1_fails_a3(mass):
    assert not verdicts(mass)["A3"].holds
    assert "may be 1 at most" in verdicts(mass)["A3"].words


@pytest.mark.parametrize("start", [2.0, 1.000001])
def test_too_heavy_a_start_fails_a3(start):
    assert not verdicts(ExponentialDecay(start, 0.1))["A3"].holds


@pytest.mark.parametrize("horizon", [1e-3, 1.0, 1e4, 1e8])
def test_rounding_fails_no_constant_of_exactly_1(horizon):
    verdict = verdicts(lambda t: math.exp(-t), horizon=horizon)["A3"]
    assert verdict.holds
    assert "may be 1 at most" not in verdict.words
    assert not verdicts(lambda t: math.exp(-1.000001 * t), horizon=1e8)["A3"].holds


@pytest.mark.parametrize("rate", [0.1, 1e-3, 1e-5, 1e-7])
def test_rounding_makes_no_mass_too_fast_for_theorem_15(rate):
    # Tiny rates are the hard ones: between neighbours on the grid the mass changes in its last digits only.
    assert "small enough" in verdicts(lambda t: math.exp(-rate * t), min_curvature=4 * rate)["A3"].words
    assert "too large" in verdicts(lambda t: math.exp(-1.001 * rate * t), min_curvature=4 * rate)["A3"].words


def test_rounding_in_a_closed_form_is_forgiven_too():
    mass = GeometricDecay(1.0, math.exp(-0.1))
    assert decay_rate(mass).value > 0.1  # by one digit in the last place
    assert "small enough" in verdicts(mass, min_curvature=0.4)["A3"].words


def test_no_loss_is_written_without_a_minus():
    assert math.copysign(1.0, decay_rate(GeometricDecay(1.0, ratio=1.0)).value) == 1.0
    assert verdicts(GeometricDecay(1.0, ratio=1.0))["A3"].words.startswith("|m'| <= 0 m")


@pytest.mark.parametrize("num_components_times_gamma", [0.5, 1.0, 20.0])
@pytest.mark.parametrize("rate", [0.05, 0.3])
def test_example_1_satisfies_a4_with_the_constant_it_has(rate, num_components_times_gamma):
    # beta = t^2: B = N gamma t^2, and -log(m/m_0) = lambda t = (lambda / sqrt(N gamma)) sqrt(B).
    beta_dot = lambda t: 2 * num_components_times_gamma * t  # noqa: E731
    found = verdicts(ExponentialDecay(0.8, rate), beta_dot)
    assert found["A4"].holds
    assert found["A4"].constant == pytest.approx(rate / math.sqrt(num_components_times_gamma), rel=1e-6)


@pytest.mark.parametrize(
    ("mass", "rate", "holds"),
    [
        (PowerDecay(1.0, 0.3), lambda t: 2 * t, False),  # a mass that falls like a power falls too slowly
        (PowerDecay(1.0, 0.3), lambda t: 5.0, False),  # at a constant rate too
        (Constant(1.0), lambda t: 2 * t, False),
        (ExponentialDecay(1.0, 0.3), lambda t: 3 * t**2, False),  # beta = t^3 speeds up too fast
        (ExponentialDecay(1.0, 0.3), lambda t: math.exp(t), False),
        (ExponentialDecay(1.0, 0.3), lambda t: 1.5 * t**0.5, True),  # beta = t^1.5
        (ExponentialDecay(1.0, 0.3), lambda t: 4.0 + t, True),
        (lambda t: math.exp(-0.3 * t), lambda t: 2 * t, True),
        (lambda t: math.exp(-(t**0.5)), lambda t: 2 * t, False),  # e^-sqrt(t) is e^-(B^1/4)
        (lambda t: math.exp(-(t**0.5)), 5.0, True),  # and e^-c sqrt(B) at a constant rate
    ],
)
def test_a4_weighs_the_mass_against_the_switching(mass, rate, holds):
    verdict = verdicts(mass, rate)["A4"]
    assert verdict.holds is holds
    assert verdict.basis == "grid"
    assert ("may grow like" in verdict.words or "must grow like" in verdict.words) is not holds


@pytest.mark.parametrize(
    "rate",
    [
        lambda t: 5 + 5 / (1 + t),
        PowerDecay(5.0, rate=1.0),
        lambda t: 5.0 if t < 10 else 0.0,
        lambda t: 5.0 if t < 5000 else 4.0,  # long after the mass has underflown
        lambda t: 2 * t + 3 * math.sin(t),
        lambda t: 1e-4 * math.exp(-t),  # whether or not it ever switches
    ],
)
def test_a_rate_that_falls_fails_a4(rate):
    verdict = verdicts(ExponentialDecay(1.0, 0.3), rate)["A4"]
    assert verdict.holds is False
    assert verdict.words == "the rate falls, and ddSGMP wants one that never decreases"


def test_a_rate_that_only_rounding_lowers_does_not_fall():
    assert verdicts(ExponentialDecay(1.0, 0.3), lambda t: 5 * (math.sin(t) ** 2 + math.cos(t) ** 2))["A4"].holds


@pytest.mark.parametrize(("slope", "named"), [(0.0, True), (2.0, True), (2e3, False)])
def test_the_limit_is_doubted_only_if_the_rate_stays_bounded(slope, named):
    # On the grid 1e6 + 2t looks bounded, and is not: hence the "if".
    words = verdicts(ExponentialDecay(1.0, 0.3), lambda t: 1e6 + slope * t)["A4"].words
    assert ("; but if the rate stays bounded, subsampling is not lost, the limit is not theta*" in words) is named


def test_a_mass_that_underflows_does_not_hide_the_growth_of_the_rate():
    # e^-3t is below 1e-290 from t = 223 on; the rate is flat until then and grows like B^(3/4) later.
    verdict = verdicts(ExponentialDecay(1.0, 3.0), lambda t: 1 + 1e-8 * t**3)["A4"]
    assert verdict.holds is False
    assert "the rate may grow like B^0.5 at most" in verdict.words


@pytest.mark.parametrize("rate", [5.0, Constant(5.0)])
@pytest.mark.parametrize("mass", [ExponentialDecay(1.0, 0.3), Scaled(GeometricDecay(1.0, math.exp(-0.3)), 0.5)])
def test_at_a_constant_rate_a4_is_exact_and_the_limit_named(mass, rate):
    verdict = verdicts(mass, rate)["A4"]
    assert verdict.holds
    assert verdict.basis == "closed form"
    assert verdict.constant == pytest.approx(0.3 / 5)  # the least of lambda t / sqrt(kappa t) for kappa t >= 1
    assert "not theta*" in verdict.words


@pytest.mark.parametrize("rate", [0.0, math.inf, lambda t: 1e-9])
def test_without_switches_a4_is_open(rate):
    assert verdicts(ExponentialDecay(1.0, 0.3), rate)["A4"].holds is None


@pytest.mark.parametrize(
    ("mass", "words"),
    [
        (0.5, "constant"),
        (CosineDecay(1.0, 5.0, final=0.25), "ends at 0.25"),
        (LinearDecay(1.0, 5.0), "0 from time 5 on"),
        (lambda t: 0.5 + math.exp(-t), "does not decrease after"),
        (lambda t: 0.5 + 1 / (2 + t), "levels off at 0.5"),
        (lambda t: 1 + 0.1 * math.sin(t), "does not decrease after"),
        (lambda t: max(0.0, 1 - t), "0 soon after time 0.99"),
    ],
)
def test_a_mass_that_is_not_lost_as_definition_8_asks_is_told_why(mass, words):
    verdict = verdicts(mass)["Def. 8"]
    assert not verdict.holds
    assert words in verdict.words


@pytest.mark.parametrize("power", [0.1, 0.2, 0.3])
@pytest.mark.parametrize("logarithm", [744.4, 745.0, 746.0, 750.0])
def test_denormal_numbers_do_not_stop_a_fall(power, logarithm):
    # Masses around the least float, 2^-1074 = e^-744.44, where neighbours on the grid are equal by rounding.
    verdict = verdicts(lambda t: math.exp(-logarithm * (t / 1e4) ** power))["Def. 8"]
    assert verdict.holds
    assert verdict.basis == "grid"


def test_a_mass_that_is_0_from_the_start_is_not_lost():
    verdict = verdicts(lambda t: 0.0)["Def. 8"]
    assert verdict.holds is False
    assert "0 from the start" in verdict.words
    assert "does not decrease after time 0" in verdicts(lambda t: t)["Def. 8"].words
    assert verdicts(lambda t: 0.0, lambda t: 2 * t)["A4"].holds is None


def test_curvatures_give_a1_and_a2_and_the_rate_that_theorem_15_wants():
    found = verdicts(ExponentialDecay(1.0, 0.1), min_curvature=0.2, max_curvature=7.0)
    assert found["A1"].constant == 7.0
    assert found["A2"].constant == pytest.approx(0.05)
    assert "too large for Theorem 15, which wants 0.05" in found["A3"].words
    assert verdicts(1.0)["A1"].holds is None
    assert verdicts(1.0)["A2"].holds is None


def test_a_verdict_is_a_line_of_text():
    lines = [str(verdict) for verdict in check_assumptions(lambda t: 1 / (1 + t / 2), 3.0)]
    assert lines[0] == "A1 is open: no Lipschitz constant of the gradients was given (given)"
    assert lines[2].startswith("Def. 8 holds: the mass decreases at every point of a grid")
    assert lines[2].endswith("(checked numerically on a grid)")
    assert lines[4].startswith("A4 fails: ")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: check_assumptions(-1.0), "`mass` must be non-negative, got -1.0"),
        (lambda: check_assumptions(lambda t: 1 - t), "`mass` must be non-negative at all times, got -"),
        (lambda: check_assumptions(1.0, -2.0), "`rate` must be non-negative, got -2.0"),
        (lambda: check_assumptions(1.0, lambda t: 1 - t), "`rate` must be non-negative at all times, got -"),
        (lambda: check_assumptions(1.0, max_curvature=0.0), "`max_curvature` must be positive, got 0.0"),
        (
            lambda: check_assumptions(1.0, min_curvature=4.0, max_curvature=1.0),
            "`max_curvature` must be at least min_curvature=4.0, got 1.0",
        ),
        (lambda: check_assumptions(lambda t: 1.0, horizon=0.0), "`horizon` must be positive, got 0.0"),
    ],
)
def test_out_of_range_is_named(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
