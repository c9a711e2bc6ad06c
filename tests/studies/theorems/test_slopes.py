"""Slopes against synthetic laws whose exponent is known."""

import numpy as np
import pytest

from underdamped.studies.theorems.slopes import slope

X = np.geomspace(1e-4, 1e-1, 7)


def noisy(exponent, seed, paths=400):
    """Values whose mean is exactly 3 x^exponent."""
    return 3 * X[:, None] ** exponent * np.random.default_rng(seed).exponential(size=(len(X), paths))


@pytest.mark.parametrize("exponent", [0.5, 1.0, -1.0])
def test_exact_power_laws_are_found_exactly(exponent):
    found = slope(X, X[:, None] ** exponent * np.ones((1, 10)), paired=True)
    np.testing.assert_allclose(found, exponent, rtol=1e-12)


def test_exponential_rates():
    t = np.linspace(0, 5, 6)
    found = slope(t, np.exp(-0.7 * t)[:, None] * np.ones((1, 10)), paired=True, transform=lambda x: x)
    np.testing.assert_allclose(found, -0.7, rtol=1e-12)


@pytest.mark.slow
def test_the_interval_covers_as_often_as_it_says():
    """Of 200 intervals 95 % should hold the truth; fewer than 88 % has probability 3e-5 then, none missing 4e-5."""
    found = [slope(X, noisy(0.5, seed, paths=200), paired=False, num_resamples=199) for seed in range(200)]
    share = np.mean([one.low <= 0.5 <= one.high for one in found])
    assert 0.88 <= share < 1.0


def test_the_width_is_that_of_least_squares():
    """Standard error of the slope of log means with relative errors 1/sqrt(M): sqrt(1 / (M sum (log x - mean)^2))."""
    found = slope(X, noisy(0.5, 0), paired=False)
    error = np.sqrt(1 / (400 * len(X) * np.log(X).var()))
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.2)


def test_what_paths_share_does_not_widen_the_interval():
    """A factor of each path's own, the same at every abscissa, cancels in the slope: only pairing sees that."""
    factor = np.random.default_rng(1).exponential(size=(1, 400))
    values = X[:, None] ** 0.5 * factor
    paired, unpaired = slope(X, values, paired=True), slope(X, values, paired=False)
    assert paired.high - paired.low < 1e-10
    assert unpaired.high - unpaired.low > 0.01


def test_precise_points_weigh_more():
    """Two points are exact and lie on slope 1; the third is off, and so noisy that it hardly counts."""
    noise = np.random.default_rng(2).exponential(size=1000)
    values = [np.full(1000, 1.0) + 1e-4 * noise, np.full(1000, 10.0) + 1e-3 * noise, 500 * noise**4]
    assert slope([1.0, 10.0, 100.0], values, paired=False).value == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(
    ("x", "values", "match"),
    [
        ([1.0], [[1.0, 2.0]], "`x` must be two abscissae or more"),
        ([1.0, 2.0, 3.0], [[1.0, 2.0], [1.0, 2.0]], "`x` must be two abscissae or more"),
        ([1.0, 2.0], [[1.0, 2.0], [1.0, 2.0, 3.0]], "of one length"),
        ([1.0, 2.0], [[1.0, 2.0], [0.0, 0.0]], "finite positive means"),
    ],
)
def test_bad_input(x, values, match):
    with pytest.raises(ValueError, match=match):
        slope(x, values, paired=True)
