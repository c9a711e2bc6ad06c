"""A4 in closed form, against exponents and infima computed from the schedules themselves."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from underdamped import (
    Constant,
    CosineDecay,
    ExponentialDecay,
    ExponentialGrowth,
    GeometricDecay,
    LinearDecay,
    PowerDecay,
    PowerGrowth,
    Scaled,
)
from underdamped.theory import check_assumptions
from underdamped.theory.balance import balance

EXPONENTIAL = [ExponentialDecay(0.8, 0.3), Scaled(GeometricDecay(1.0, math.exp(-0.3)), 0.5)]
GROWTHS = [
    PowerGrowth(2.0),
    PowerGrowth(0.01),
    PowerGrowth(3.0, power=0.5, start=2.0),
    PowerGrowth(1e-3, power=0.25, start=1e4),
    Scaled(PowerGrowth(2.0, power=1.0, start=0.5), factor=3.0),
    Constant(5.0),
    ExponentialGrowth(5.0, rate=0.0),
]


def a4(mass, rate):
    return {verdict.assumption: verdict for verdict in check_assumptions(mass, rate)}["A4"]


def switches(rate, t):
    return quad(rate, 0, t, limit=500, epsrel=1e-12, epsabs=0)[0]


@pytest.mark.parametrize("mass", EXPONENTIAL, ids=repr)
@pytest.mark.parametrize("rate", GROWTHS, ids=repr)
def test_the_constant_is_the_infimum_of_the_quotient(mass, rate):
    verdict = a4(mass, rate)
    assert verdict.holds
    assert verdict.basis == "closed form"
    begin = brentq(lambda t: switches(rate, t) - 1, 1e-9, 1e6, xtol=1e-14, rtol=1e-14)
    times = begin * np.geomspace(1, 1e5, 40)
    left = [-math.log(mass(t) / mass(0.0)) if mass(t) > 1e-290 else 0.3 * t for t in times]
    quotients = np.array(left) / np.sqrt([switches(rate, t) for t in times])
    assert verdict.constant == pytest.approx(quotients[0], rel=1e-6)
    assert quotients.min() >= verdict.constant * (1 - 1e-6)


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0, 1.5, 3.0])
def test_the_exponents_are_the_slopes_far_out(power):
    mass, rate = ExponentialDecay(1.0, 1e-9), PowerGrowth(2.0, power, start=3.0)
    early, late = 1e7, 1e8
    stretch = math.log(switches(rate, late) / switches(rate, early))
    found = balance(mass, rate)
    assert found.speed == pytest.approx(math.log(rate(late) / rate(early)) / stretch, rel=1e-5)
    assert found.fall == pytest.approx(math.log(math.log(mass(late)) / math.log(mass(early))) / stretch, rel=1e-5)
    assert a4(mass, rate).holds is (power <= 1)
    assert ("the rate may grow like B^0.5 at most" in a4(mass, rate).words) is (power > 1)


def test_example_1_of_the_paper():
    """With beta = t^2 there are N gamma t^2 switches in the mean, and -log m = lambda t."""
    verdict = a4(ExponentialDecay(1.0, 0.3), PowerGrowth(2 * 20.0))
    assert verdict.constant == pytest.approx(0.3 / math.sqrt(20.0))
    assert verdict.words == "the rate grows like B^0.50, -log m like B^0.50; c = 0.0671"


@pytest.mark.parametrize("mass", [*EXPONENTIAL, PowerDecay(1.0, 0.3), 1.0], ids=repr)
def test_an_exponential_rate_is_too_fast_for_every_mass(mass):
    verdict = a4(mass, Scaled(ExponentialGrowth(2.0, rate=0.01), factor=0.5))
    assert verdict.holds is False
    assert verdict.basis == "closed form"
    assert "the rate may grow like B^0.5 at most and -log m must grow like B^0.5 at least" in verdict.words


@pytest.mark.parametrize(
    "mass",
    [
        PowerDecay(1.0, 0.3, power=50.0),
        Constant(0.5),
        0.5,
        ExponentialDecay(1.0, 0.0),
        GeometricDecay(1.0, 1.0),
        LinearDecay(1.0, 5.0, final=0.1),
        Scaled(CosineDecay(1.0, 5.0, final=0.1), 0.5),
    ],
    ids=repr,
)
@pytest.mark.parametrize("rate", [*GROWTHS, 5.0], ids=repr)
def test_a_mass_that_falls_like_a_power_or_not_to_0_falls_too_slowly(mass, rate):
    verdict = a4(mass, rate)
    assert verdict.holds is False
    assert verdict.basis == "closed form"
    assert verdict.constant is None
    assert verdict.words.endswith("; -log m must grow like B^0.5 at least")


@pytest.mark.parametrize("mass", [0.0, Constant(0.0), Scaled(ExponentialDecay(1.0, 0.3), 0.0)], ids=repr)
def test_without_mass_there_is_nothing_to_weigh(mass):
    assert a4(mass, PowerGrowth(2.0)).holds is None


@pytest.mark.parametrize(
    "rate", [0.0, PowerGrowth(0.0), ExponentialGrowth(0.0, 1.0), Scaled(PowerGrowth(1.0), 0.0)], ids=repr
)
def test_without_switches_there_is_nothing_to_weigh(rate):
    assert a4(ExponentialDecay(1.0, 0.3), rate).words == "the index never switches"


@pytest.mark.parametrize("rate", [PowerGrowth(2.0), ExponentialGrowth(1.0, 0.1), Constant(5.0)], ids=repr)
def test_laws_that_are_not_known_stay_on_the_grid(rate):
    assert a4(LinearDecay(1.0, 5.0), rate).basis == "grid"
    assert a4(lambda t: math.exp(-0.3 * t), rate).basis == "grid"
    assert a4(ExponentialDecay(1.0, 0.3), lambda t: rate(t)).basis == "grid"


@pytest.mark.parametrize("start", [1e-250, 1e-3, 1e250])
def test_extreme_starts_neither_overflow_nor_cancel(start):
    """With B = c ((t + s)^2 - s^2)/2 = 1 the root t is sqrt(2/c + s^2) - s: 1/(c s) for a large s."""
    expected = 1.0 if start < 1e-200 else 1 / (2 * start) if start > 1e200 else math.sqrt(1 + start**2) - start
    assert balance(ExponentialDecay(1.0, 1.0), PowerGrowth(2.0, start=start)).constant == pytest.approx(expected)
