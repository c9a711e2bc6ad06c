"""Schedules: closed forms, monotonicity, the same values in every array library."""

import math
import pickle
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
    Schedule,
    never_increases,
)

SCHEDULES = {
    Constant(0.7): lambda t: 0.7,
    PowerDecay(0.7, rate=0.3): lambda t: 0.7 / (1 + 0.3 * t),
    PowerDecay(0.7, rate=0.3, power=2.5): lambda t: 0.7 * math.exp(-2.5 * math.log1p(0.3 * t)),
    ExponentialDecay(0.7, rate=0.3): lambda t: 0.7 * math.exp(-0.3 * t),
    GeometricDecay(0.7, ratio=0.9): lambda t: 0.7 * math.exp(t * math.log(0.9)),
    LinearDecay(0.7, duration=5.0, final=0.1): lambda t: max(0.1, 0.7 - 0.6 * t / 5),
    CosineDecay(0.7, duration=5.0, final=0.1): lambda t: 0.1 + 0.3 * (1 + math.cos(math.pi * min(t / 5, 1))),
    Scaled(ExponentialDecay(0.7, rate=0.3), factor=2.0): lambda t: 1.4 * math.exp(-0.3 * t),
}
CLOCKS = [0, 1, 2.5, 5, 7.25, 40]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_values_follow_the_closed_form(schedule):
    for t in CLOCKS:
        assert schedule(t) == pytest.approx(SCHEDULES[schedule](t), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_the_same_values_in_numpy_torch_and_jax(schedule):
    torch = pytest.importorskip("torch")
    jax = pytest.importorskip("jax")
    expected = np.array([schedule(t) for t in CLOCKS])
    np.testing.assert_allclose(schedule(np.array(CLOCKS)), expected, rtol=1e-13)
    np.testing.assert_allclose(schedule(torch.tensor(CLOCKS, dtype=torch.float64)), expected, rtol=1e-13)
    np.testing.assert_allclose(jax.jit(schedule)(jax.numpy.array(CLOCKS)), expected, rtol=3e-5, atol=1e-6)
    assert jax.jit(schedule)(jax.numpy.array(3)) == pytest.approx(schedule(3), rel=1e-5)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
@given(times=st.tuples(st.floats(0, 1e4), st.floats(0, 1e4)))
def test_none_ever_increases(schedule, times):
    early, late = sorted(times)
    assert never_increases(schedule)
    assert isinstance(schedule, Schedule)
    assert schedule(early) >= schedule(late) * (1 - 1e-12) >= 0


@given(t=st.floats(5.0, 1e18))
def test_ramps_stay_exactly_at_their_final_value(t):
    assert LinearDecay(0.7, duration=5.0)(t) == 0
    assert CosineDecay(0.7, duration=5.0)(t) == 0
    assert LinearDecay(0.7, duration=5.0, final=0.1)(t) == 0.1


def test_of_any_other_callable_nothing_is_known():
    assert not never_increases(lambda t: 1.0)
    assert not never_increases(Scaled(lambda t: 1.0, factor=2.0))


def test_schedules_are_values():
    for schedule in SCHEDULES:
        assert pickle.loads(pickle.dumps(schedule)) == schedule


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Constant(-1.0), "`initial` must be non-negative, got -1.0"),
        (lambda: PowerDecay(1.0, rate=-1.0), "`rate` must be non-negative"),
        (lambda: PowerDecay(1.0, rate=1.0, power=0.0), "`power` must be positive"),
        (lambda: ExponentialDecay(math.nan, rate=1.0), "`initial` must be finite, got nan"),
        (lambda: GeometricDecay(1.0, ratio=1.1), "`ratio` must be in [0, 1], got 1.1"),
        (lambda: LinearDecay(1.0, duration=0), "`duration` must be positive"),
        (lambda: CosineDecay(1.0, duration=1, final=2.0), "`final` must be in [0, initial=1.0], got 2.0"),
        (lambda: Scaled(Constant(1.0), factor=-2.0), "`factor` must be non-negative"),
    ],
)
def test_out_of_range_is_named(build, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


def test_a_word_for_a_number_is_a_type_error():
    with pytest.raises(TypeError, match="`initial` must be a number, got 'heavy'"):
        Constant("heavy")
