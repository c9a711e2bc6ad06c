"""Two springs, each stable, made unstable by switching between them: where, over the plane of mass and rate."""

import jax
import numpy as np
import scipy.optimize
from jax import Array

from underdamped.process import Exact, Quadratic, UniformSwitching, mean_square_abscissa, simulate_ensemble
from underdamped.process.distances import mean_interval
from underdamped.studies.theorems.problems import Problem
from underdamped.studies.theorems.rows import Row, curve, judged, row
from underdamped.studies.theorems.settings import Config
from underdamped.theory import ergodicity_threshold

SPRINGS = (1.0, 16.0)
"""Curvatures of the two components; minimisers both at 0."""
_MASSES, _RATES = (0.02, 50.0), (0.1, 50.0)
_EPOCHS = 20.0
"""Length of a path in mean holding times and times 2m/α together."""
_FEWEST = 200
"""Paths that a verdict needs: it is of an extreme of many points, but at five standard errors, and growth rates are
means over long paths, hardly skewed."""
_LONGEST_FALL, _SAVED = 500.0, 51
"""In units of log: a number of double precision can fall by 700 before it vanishes. The exact flow rounds relative to
where a step began, so that the fall from one saved time to the next must stay well below the 36 that it can resolve."""


def instability(problem: Problem, config: Config, key: Array) -> list[Row]:
    r"""Growth of the mean square, exactly from its generator, and of almost every path, from ensembles.

    Rates of growth are those of $|z|$, relative to $\alpha/2m$: $-1$ is the decay of a single swinging spring.

    Args:
        problem: not used: the two springs of ``SPRINGS`` are the problem.
        config: of the ensembles and the grid.
        key: JAX key.

    Returns:
        Two rows a point of the plane, the boundary of mean-square stability, theory's, and comparisons.
    """
    del problem
    target = Quadratic([[a] for a in SPRINGS], [[0.0]] * len(SPRINGS))
    M, fewest = config.map_paths, _FEWEST
    rows, excess, growing = [], [], []
    size = 2 * config.grid - 1  # an edge wants finer cells than a slope
    masses, rates = (np.geomspace(*ends, size) for ends in (_MASSES, _RATES))
    points = [(float(mass), float(rate)) for rate in rates for mass in masses]
    for number, (mass, rate) in enumerate(points):
        index = UniformSwitching(len(SPRINGS), rate)
        mean_square = mean_square_abscissa(target, index, mass=mass) / 2 * 2 * mass
        growth = mean_interval(_growth(target, index, mass, M, jax.random.fold_in(key, number)) * 2 * mass)
        rows += [
            row("mean square", "growth", mean_square, x=mass, y=rate),
            row("almost every path", "growth", growth.value, x=mass, y=rate, low=growth.low, high=growth.high, paths=M),
        ]
        # Intervals of many points: five standard errors, so that chance alone hardly ever shows.
        excess.append(growth.value - mean_square - 2.5 * (growth.high - growth.value))
        growing.append((growth, mean_square))
    threshold = ergodicity_threshold(*SPRINGS, 1.0) ** -2
    fine = np.geomspace(*_RATES, 2 * size)
    boundary = [_lightest_unstable_mass(target, float(rate)) for rate in fine]
    rows += [row("spring", "curvature", a) for a in SPRINGS]
    rows += curve("boundary, exact", "lightest unstable mass", fine, boundary)
    rows.append(row("common norm", "largest mass that is stable for every index process", threshold))
    rows.append(row("heavy mass", "rate above which all masses are stable", heavy_mass_rate()))
    lightest, fastest = (
        float(np.nanmin(boundary)),
        "fastest growth of almost every path, that of its mean square at most",
    )
    unstable, its_mean_square = max(growing, key=lambda pair: pair[0].low)
    return [
        *rows,
        *judged("two springs", fastest, unstable, None, (0.0, its_mean_square), paths=M, fewest=fewest),
        *judged("two springs", "lightest mass that some rate makes unstable", lightest, threshold, (threshold, np.inf)),
        *judged(
            "two springs",
            f"growth of paths above that of their mean square, most of {len(points)} points (Jensen)",
            max(excess),
            0.0,
            (-np.inf, 0.0),
            paths=M,
            fewest=fewest,
        ),
    ]


def heavy_mass_rate() -> float:
    r"""The rate above which every mass is mean-square stable: $\operatorname{Var}(a)/(\alpha\,\bar a)$ at friction 1.

    For a heavy mass the switching stiffness is a white noise: $m \ddot q + \alpha \dot q + (\bar a + \xi) q = 0$ with
    $\xi$ of intensity $2 \operatorname{Var}(a)/\kappa$, mean-square stable if and only if that is below
    $2 \alpha \bar a$.

    Returns:
        The rate, per unit of time.

    Example:
        >>> round(heavy_mass_rate(), 3)
        6.618

    References:
        Samuels and Eringen, *On stochastic linear systems* (1959), for white noise in the stiffness.
    """
    return float(np.var(SPRINGS) / np.mean(SPRINGS))


def _growth(target: Quadratic, index: UniformSwitching, mass: float, num_paths: int, key: Array) -> np.ndarray:
    """Growth rate of |z| of each path over its second half, when its direction has forgotten the start."""
    end = min(_EPOCHS * (1 / float(np.asarray(index.rate)) + 2 * mass), _LONGEST_FALL * mass)
    times = np.linspace(0.0, end, _SAVED)
    ensemble = simulate_ensemble(
        target, index, mass=mass, position=[1.0], times=times, key=key, flow=Exact(), num_paths=num_paths
    )
    q, p = np.asarray(ensemble.position)[..., 0], np.asarray(ensemble.velocity)[..., 0]
    size = np.log(np.hypot(q, np.sqrt(mass) * p))
    half = _SAVED // 2
    return (size[:, -1] - size[:, half]) / (times[-1] - times[half])


def _lightest_unstable_mass(target: Quadratic, rate: float) -> float:
    """Where mean-square stability first ends as the mass grows; NaN if it does not up to the end of the plane."""
    index = UniformSwitching(len(SPRINGS), rate)

    def growth(log_mass: float) -> float:
        mass = float(np.exp(log_mass))
        return mass * mean_square_abscissa(target, index, mass=mass)

    grid = np.log(np.geomspace(*_MASSES, 15))
    values = [growth(float(at)) for at in grid]
    first = next((k for k, value in enumerate(values) if value > 0), None)
    if not first:
        return np.nan
    root = scipy.optimize.root_scalar(growth, bracket=(grid[first - 1], grid[first]), xtol=1e-4).root
    return float(np.exp(root))
