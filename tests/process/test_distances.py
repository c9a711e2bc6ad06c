"""Distances against SciPy, linear programming, closed forms and metric axioms."""

import math
import sys

import jax
import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from underdamped.process import Exact, Quadratic, UniformSwitching, simulate, simulate_ensemble
from underdamped.process.distances import (
    bootstrap,
    mean_interval,
    path_metric,
    sliced_wasserstein,
    wasserstein,
)

numbers = st.floats(-100, 100).map(lambda x: round(x, 3))
weighted = st.lists(st.tuples(numbers, st.floats(0.01, 1)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)
@given(weighted, weighted)
def test_w1_equals_scipy(first, second):
    (x, a), (y, b) = zip(*first, strict=True), zip(*second, strict=True)
    expected = scipy.stats.wasserstein_distance(x, y, a, b)
    assert wasserstein(x, y, 1, first_weights=a, second_weights=b) == pytest.approx(expected, abs=1e-10)


def transport_cost(costs, a, b):
    """The transport problem as a linear programme."""
    n, m = costs.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    solution = scipy.optimize.linprog(costs.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a, b]))
    return solution.fun


@pytest.mark.parametrize("dimension", [1, 2, 5])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_any_order_and_dimension_equals_linear_programming(dimension, order):
    generator = np.random.default_rng(dimension)
    x, y = generator.normal(size=(7, dimension)), generator.normal(size=(9, dimension))
    a, b = generator.dirichlet(np.ones(7)), generator.dirichlet(np.ones(9))
    costs = np.linalg.norm(x[:, None] - y[None], axis=-1) ** order
    expected = transport_cost(costs, a, b) ** (1 / order)
    assert wasserstein(x, y, order, first_weights=a, second_weights=b) == pytest.approx(expected, rel=1e-9)


def test_w2_of_normal_samples_approaches_the_closed_form():
    quantiles = scipy.stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    # W_2(N(0,1), N(1,4))^2 = (difference of means)^2 + (difference of standard deviations)^2
    assert wasserstein(quantiles, 1 + 2 * quantiles) == pytest.approx(math.sqrt(2), rel=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([1, 2]))
def test_metric_axioms(seed, dimension, order):
    x, y, z = np.random.default_rng(seed).normal(size=(3, 6, dimension))
    distance = {pair: wasserstein(a, b, order) for pair, (a, b) in {"xy": (x, y), "yz": (y, z), "xz": (x, z)}.items()}
    assert distance["xz"] <= distance["xy"] + distance["yz"] + 1e-9
    assert wasserstein(y, x, order) == pytest.approx(distance["xy"], abs=1e-9)
    assert wasserstein(x, x[::-1], order) == pytest.approx(0, abs=1e-7)
    shift = np.arange(1.0, dimension + 1)
    assert wasserstein(x, x + shift, order) == pytest.approx(np.linalg.norm(shift), rel=1e-9)


def test_sliced_distance_of_a_translation():
    x = np.random.default_rng(0).normal(size=(50, 4))
    shift = np.array([1.0, 2.0, 0.0, 2.0])
    sliced = sliced_wasserstein(x, x + shift, num_projections=20_000)
    # E (u.v)^2 = |v|^2/d; its standard error at 20000 directions is 0.75 % of the square for d = 4
    assert sliced**2 == pytest.approx(9 / 4, rel=0.03)
    assert sliced < wasserstein(x, x + shift)


def test_path_metric_of_a_ramp():
    # D = min(1, t/2): int_0^2 e^{-t} t/2 dt + e^{-2} = (1 - e^{-2})/2
    times = np.linspace(0, 40, 81)
    result = path_metric(np.zeros((1, 81, 1)), (times / 2)[None, :, None], times)
    assert result.distance[0] == pytest.approx((1 - math.exp(-2)) / 2, abs=1e-13)
    assert result.tail_bound[0] == 0


@pytest.mark.parametrize("gap", [0.5, 1 - 1e-12, 1.0, 1 + 1e-12, 1e100])
def test_path_metric_of_a_constant_gap_is_the_gap_cut_off_at_one(gap):
    times = np.linspace(0, 50, 501)
    result = path_metric(np.zeros((501, 1)), np.full((501, 1), gap), times)
    assert result.distance == pytest.approx(min(gap, 1), rel=1e-13)


@pytest.mark.parametrize("after", [1.0, 3.0])
def test_path_metric_of_a_ramp_that_reaches_one_at_a_saved_time(after):
    # D = t/2 up to time 2, then whatever is at least 1: int_0^2 e^{-t} t/2 dt + e^{-2} = (1 - e^{-2})/2
    times = np.arange(41.0)
    path = np.where(times <= 2, times / 2, after)
    assert path[2] == 1
    result = path_metric(np.zeros((41, 1)), path[:, None], times)
    assert result.distance == pytest.approx((1 - math.exp(-2)) / 2, rel=1e-13)


def test_path_metric_against_adaptive_quadrature():
    def gap(t):
        return abs(math.sin(3 * t)) * math.exp(-t / 5) + 0.3 * t

    times = np.linspace(0, 30, 30_001)
    supremum = np.maximum.accumulate([gap(t) for t in times])
    expected = scipy.integrate.quad(
        lambda t: math.exp(-t) * min(1.0, np.interp(t, times, supremum)), 0, 30, limit=2000, epsabs=1e-10
    )[0]
    path = np.array([gap(t) for t in times])
    result = path_metric(np.zeros((30_001, 1)), path[:, None], times)
    assert result.distance == pytest.approx(expected + math.exp(-30), abs=1e-8)
    # and a coarse grid errs by the grid: |D'| <= 3.5
    coarse = path_metric(np.zeros((301, 1)), path[::100, None], times[::100])
    assert abs(coarse.distance - result.distance) < 3.5 * 0.1


def test_tail_bound_holds_what_a_longer_path_adds():
    times = np.linspace(0, 10, 1001)
    paths = np.cumsum(np.random.default_rng(1).normal(size=(20, 1001, 3)), axis=1) * 0.005
    whole = path_metric(np.zeros_like(paths), paths, times)
    cut = path_metric(np.zeros_like(paths[:, :101]), paths[:, :101], times[:101])
    assert whole.distance.shape == (20,)
    assert np.all(cut.distance <= whole.distance + 1e-14)
    assert np.all(whole.distance <= cut.distance + cut.tail_bound + 1e-14)
    assert np.any(whole.distance > cut.distance + 1e-6)


def test_theorem_5_subsampling_is_lost_at_the_root_of_the_mean_waiting_time():
    """E rho(path, full flow) = O(sqrt(nu)) at mass 1: four times the rate halves it, each mean with its interval."""
    target = Quadratic([[1.0], [2.0]], [[-1.0], [2.0]])
    times = np.linspace(0.0, 8.0, 161)
    options = {"mass": 1.0, "position": [2.0], "times": times, "key": jax.random.key(5), "flow": Exact()}
    limit = simulate(target, UniformSwitching(2, math.inf), **options).position
    intervals, num_paths = [], 1000
    for rate in (40.0, 160.0):
        paths = simulate_ensemble(target, UniformSwitching(2, rate), num_paths=num_paths, **options).position
        metric = path_metric(paths, np.broadcast_to(limit, paths.shape), times)
        assert metric.distance.shape == (num_paths,)
        assert (metric.tail_bound <= math.exp(-8.0)).all()
        gap = np.linalg.norm(paths - limit, axis=-1)
        assert (metric.distance <= np.minimum(gap.max(1), 1) + 1e-6).all()  # an average of the running supremum
        # The integral written out: trapezia in the weight e^{-t}, which err by the grid.
        supremum = np.minimum(np.maximum.accumulate(gap, axis=1), 1)
        weights = -np.diff(np.exp(-times))
        rough = ((supremum[:, 1:] + supremum[:, :-1]) / 2 @ weights) + math.exp(-8.0) * supremum[:, -1]
        np.testing.assert_allclose(metric.distance, rough, rtol=0.02)
        intervals.append(mean_interval(metric.distance, level=0.999))
    slow, fast = intervals
    assert fast.high < slow.low
    assert slow.low / fast.high < 2 < slow.high / fast.low


def test_without_pot_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ot", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'underdamped\[jax\]'"):
        wasserstein([0.0], [1.0])


def test_mean_interval_equals_scipy():
    values = np.random.default_rng(2).normal(size=30)
    low, high = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.9)
    interval = mean_interval(values, 0.9)
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_bootstrap_of_the_mean_equals_scipy():
    values = np.random.default_rng(3).exponential(size=200)
    for method in ("basic", "percentile"):
        ours = bootstrap(np.mean, values, num_resamples=20_000, method=method)
        theirs = scipy.stats.bootstrap((values,), np.mean, n_resamples=20_000, method=method, rng=0).confidence_interval
        # Monte Carlo error of a 2.5 % quantile: about 2.7 sd / sqrt(20000), both sides
        assert ours[1:] == pytest.approx(tuple(theirs), abs=4 * 2.7 * values.std() / math.sqrt(200 * 20_000))


def test_basic_bootstrap_of_w2_covers_where_percentiles_do_not():
    """The bias of resampled W_2 at overlapping laws: the reflection has to win, or the docstring is wrong."""
    generator = np.random.default_rng(4)
    truth, covered = 0.3, {"basic": 0, "percentile": 0}
    for _ in range(60):
        x, y = generator.normal(size=50), truth + generator.normal(size=50)
        for method in covered:
            interval = bootstrap(wasserstein, x, y, num_resamples=99, level=0.9, method=method)
            covered[method] += interval.low <= truth <= interval.high
    # Nominal 54 of 60. The bias eats into both at this size; P(Binomial(60, 0.9) < 44) < 1e-4.
    assert covered["basic"] >= 44
    assert covered["percentile"] < covered["basic"] - 5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wasserstein([], [1.0]), "`first` must be samples"),
        (lambda: wasserstein([np.nan], [1.0]), "`first` must be finite"),
        (lambda: wasserstein([[1.0, 2.0]], [1.0]), "`second` must be of the dimension"),
        (lambda: wasserstein([1.0], [1.0], 0.5), "`order` must be at least 1"),
        (lambda: wasserstein([1.0], [1.0], first_weights=[-1.0]), "`first_weights` must be non-negative"),
        (lambda: wasserstein([1.0], [1.0], second_weights=[1.0, 1.0]), "`second_weights` must be of shape"),
        (lambda: wasserstein(np.zeros((20_000, 2)), np.zeros((20_000, 2))), "sliced_wasserstein"),
        (lambda: sliced_wasserstein([1.0], [1.0], num_projections=0), "`num_projections`"),
        (lambda: path_metric([[0.0], [0.0]], [[0.0], [0.0]], [1.0, 2.0]), "`times` must be increasing from 0"),
        (lambda: path_metric([[0.0], [0.0]], [[0.0]], [0.0, 2.0]), "`second` must be of the shape"),
        (lambda: path_metric([0.0, 0.0], [0.0, 0.0], [0.0, 2.0]), "`first` must be of shape"),
        (lambda: path_metric([[0.0], [np.nan]], [[0.0], [0.0]], [0.0, 2.0]), "finite"),
        (lambda: mean_interval([1.0]), "`values`"),
        (lambda: bootstrap(np.mean, [1.0], method="bca"), "Unknown method 'bca'"),
        (lambda: bootstrap(np.mean, [1.0], level=1.0), "`level`"),
        (lambda: bootstrap(np.mean, []), "`samples`"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
