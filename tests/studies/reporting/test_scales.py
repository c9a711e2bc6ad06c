"""Axes: ticks that lie on the axis and apart, zero on a log axis, errors spaced by their logarithm."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from underdamped.studies.reporting.scales import apply_scale, log_ticks, tick_label


def scaled(scale, values):
    axes = Figure().subplots()
    values = np.asarray(values, dtype=float)
    axes.plot(values)
    apply_scale(axes.yaxis, scale, [values])
    return axes


def places(axes, values):
    """Where values lie on the axis, 0 at the foot and 1 at the top."""
    low, high = axes.transData.transform([(0, value) for value in axes.get_ylim()])[:, 1]
    return (axes.transData.transform([(0, value) for value in values])[:, 1] - low) / (high - low)


@given(st.floats(-12, 6), st.floats(0.1, 12))
def test_log_ticks_are_few_and_inside(exponent, decades):
    low, high = 10**exponent, 10 ** (exponent + decades)
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 6
    assert all(low * 0.99 <= tick <= high * 1.01 for tick in ticks)
    assert ticks == sorted(set(ticks))


@pytest.mark.parametrize(
    "values", [[2.3, 0.01], [0.1, 0.1], [1.1, 1.2], [1e-9, 1.0], [0.3], [5.0, 0.0], [0.9, np.nan], []]
)
@pytest.mark.parametrize("scale", ["linear", "log", "log or zero"])
def test_what_is_drawn_is_inside_and_something_is_marked(scale, values):
    finite = [value for value in values if np.isfinite(value)]
    axes = scaled(scale, finite)
    shown = [value for value in finite if value > 0 or scale != "log"]
    assert all((places(axes, shown) >= 0) & (places(axes, shown) <= 1)) if shown else True
    ticks = places(axes, axes.get_yticks())
    assert ((ticks > -0.01) & (ticks < 1.01)).sum() >= 1


def test_a_log_axis_that_reaches_zero_keeps_order_and_decades():
    axes = scaled("log or zero", [1.0, 1e-2, 1e-4, 0.0])
    where = places(axes, [0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert (np.diff(where) > 0).all()
    assert np.diff(where)[1:] == pytest.approx(np.diff(where)[1], rel=0.05)  # a decade is a decade
    assert "0" in [label.get_text() for label in axes.get_yticklabels()]


def test_a_mass_that_is_zero_throughout():
    axes = scaled("log or zero", [0.0, 0.0])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0"]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_accuracies_lie_on_their_axis_in_order(values):
    axes = scaled("accuracy", values)
    where = places(axes, sorted(values))
    assert (np.diff(where) >= -1e-9).all()
    assert where.min() >= -1e-9
    assert where.max() <= 1 + 1e-9
    low, high = axes.get_ylim()
    assert low >= 0
    assume(max(values) < 99.9)
    assert high < 100


def test_halving_the_error_is_about_the_same_height():
    axes = scaled("accuracy", [20.0, 60.0, 99.0])
    heights = np.diff(places(axes, [60.0, 80.0, 90.0, 95.0]))
    assert heights == pytest.approx(heights[0], rel=0.02)


def test_labels_of_accuracies_do_not_collide():
    axes = scaled("accuracy", [10.0, 99.9])
    assert (np.diff(sorted(places(axes, axes.get_yticks()))) > 0.06).all()


@given(st.floats(1e-12, 1e6))
def test_a_label_says_the_number(value):
    value = float(f"{value:.2g}")
    text = tick_label(value)
    digits, _, exponent = (
        text.replace("·10", "e").replace("10⁻", "1e⁻").replace("10⁵", "1e⁵").replace("10⁶", "1e⁶").partition("e")
    )
    exponent = exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or "0"
    assert float(digits) * 10.0 ** int(exponent) == pytest.approx(value, rel=1e-9)
