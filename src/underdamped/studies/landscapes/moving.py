"""What can be watched: single paths on one index path, and an ensemble that keeps or loses its momentum."""

import jax
import jax.numpy as jnp
import numpy as np

from underdamped import Constant, ExponentialDecay
from underdamped.process import Dynamics, ExponentialHeun, UniformSwitching, simulate_coupled, simulate_coupled_ensemble
from underdamped.studies.landscapes.problems import Problem
from underdamped.studies.landscapes.rows import Row

GRID = 81  # points of the drawn landscape along an axis
MASS = 60.0  # m L/α², heavy: a path oscillates for long
RATE = 3.0  # κ α/L, where the maps find the most global basins
HORIZON = 400.0  # in units of α/L
_FALL = float(np.log(1000.0))


def moving(problem: Problem, *, paths: int, frames: int, seed: int) -> list[Row]:
    r"""Paths in two dimensions, with the mass kept, lost, and without mass, all on the same index paths.

    Args:
        problem: in two variables.
        paths: of the ensemble, from random starts.
        frames: times at which the ensemble is seen.
        seed: of all randomness.

    Returns:
        Rows: the landscape (``value`` is $\log_{10}(1 + \Phi - \min\Phi)$), one path of each process ("path"), and the
        ensemble ("ensemble"); of the latter two ``value`` is the time in units of $\alpha/L$, ``note`` the path.
    """
    L = problem.curvature
    horizon, index = HORIZON / L, UniformSwitching(problem.target.num_components, RATE * L)
    masses = {
        "hSGMP, constant mass": Constant(MASS / L),
        "dmSGMP, mass lost": ExponentialDecay(MASS / L, _FALL / horizon),
        "SGP, no mass": 0.0,
    }
    of_paths, of_starts, of_ensemble = jax.random.split(jax.random.key(seed), 3)
    times = np.linspace(0.0, horizon, 401)
    flow = ExponentialHeun(0.5 / L)
    start = 0.8 * problem.box * jnp.array([1.0, -1.0])
    dynamics = [Dynamics(mass, position=start) for mass in masses.values()]
    rows = _landscape(problem)
    for name, path in zip(
        masses, simulate_coupled(problem.target, index, dynamics, times=times, key=of_paths, flow=flow), strict=True
    ):
        rows += _positions("path", name, np.asarray(path.position)[None], times * L, problem.name)
    times = np.linspace(0.0, horizon, frames)
    starts = problem.starts(of_starts, paths)
    dynamics = [Dynamics(mass, position=starts) for mass in list(masses.values())[:2]]
    ensembles = simulate_coupled_ensemble(
        problem.target, index, dynamics, times=times, key=of_ensemble, flow=flow, num_paths=paths, progress=False
    )
    for name, ensemble in zip(masses, ensembles, strict=False):
        assert ensemble.position is not None
        rows += _positions("ensemble", name, ensemble.position, times * L, problem.name)
    return rows


def _landscape(problem: Problem) -> list[Row]:
    axis = np.linspace(-1.2 * problem.box, 1.2 * problem.box, GRID)
    x, y = np.meshgrid(axis, axis)
    points = jnp.stack([jnp.asarray(x).ravel(), jnp.asarray(y).ravel()], axis=-1)
    lowest = float(problem.target.potential(problem.minimizers[0]))
    height = np.log10(1 + np.maximum(np.asarray(jax.vmap(problem.target.potential)(points)) - lowest, 0))
    rows: list[Row] = [
        {"experiment": "moving", "series": "landscape", "quantity": "height", "x": float(a), "y": float(b),
         "value": float(h), "problem": problem.name}
        for (a, b), h in zip(np.asarray(points), height, strict=True)
    ]  # fmt: skip
    for x, y in np.asarray(problem.minimizers):
        rows.append({"experiment": "moving", "series": "global minimum", "quantity": "minimum", "x": float(x),
                     "y": float(y), "problem": problem.name})  # fmt: skip
    return rows


def _positions(quantity: str, series: str, positions: np.ndarray, times: np.ndarray, problem: str) -> list[Row]:
    return [
        {"experiment": "moving", "series": series, "quantity": quantity, "x": float(q[0]), "y": float(q[1]),
         "value": float(t), "problem": problem, "note": str(number)}
        for number, path in enumerate(positions) for t, q in zip(times, path, strict=True)
    ]  # fmt: skip
