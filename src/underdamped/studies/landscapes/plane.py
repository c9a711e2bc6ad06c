"""Continuous time: the share of paths in the global basin over mass and switching rate, mass kept and lost."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from underdamped.process import ExponentialHeun, UniformSwitching, simulate_ensemble
from underdamped.studies.landscapes.basins import in_global_basin
from underdamped.studies.landscapes.problems import Problem
from underdamped.studies.landscapes.rows import Row, share

KEPT, LOST = "hSGMP, constant mass", "dmSGMP, mass falls to 0.001 of it"
MASS_LIMITS, RATE_LIMITS = (0.1, 300.0), (0.05, 20.0)
HORIZON = 600.0  # in units of α/L: some dozens of relaxation times of a well
_FALL = float(np.log(1000.0))


class Falling(eqx.Module):
    r"""$m_0 e^{-\lambda t}$ with numbers that are traced, so that one compiled loop serves every point of the grid.

    (A schedule of the core is a constant to the compiler, and each of its values another program.)

    Attributes:
        initial: $m_0$.
        rate: $\lambda$; 0 for a constant mass.
    """

    initial: Array
    rate: Array

    def __call__(self, t: Array) -> Array:
        r"""$m_0 e^{-\lambda t}$."""
        return self.initial * jnp.exp(-self.rate * t)


def plane(problem: Problem, *, size: int, runs: int, seed: int) -> list[Row]:
    r"""Both processes on a grid of mass and switching rate.

    Args:
        problem: what is minimised.
        size: masses, and rates, on the axes.
        runs: paths for each point of the grid.
        seed: of all randomness.

    Returns:
        Rows with $mL/\alpha^2$ in ``x`` and $\kappa\alpha/L$ in ``y``.
    """
    L = problem.curvature
    horizon, flow = HORIZON / L, ExponentialHeun(0.5 / L)
    rows: list[Row] = []
    points = [(m, r) for r in np.geomspace(*RATE_LIMITS, size) for m in np.geomspace(*MASS_LIMITS, size)]
    for name, fall in ((KEPT, 0.0), (LOST, _FALL / horizon)):
        for number, (mass, rate) in enumerate(points):
            cell = jax.random.fold_in(jax.random.key(seed), number + len(points) * (name == LOST))
            of_starts, of_paths = jax.random.split(cell)
            ensemble = simulate_ensemble(
                problem.target,
                UniformSwitching(problem.target.num_components, rate * L),
                mass=Falling(jnp.asarray(mass / L), jnp.asarray(fall)),
                position=problem.starts(of_starts, runs),
                times=[horizon],
                key=of_paths,
                flow=flow,
                num_paths=runs,
                allow_divergence=True,
                progress=False,
            )
            assert ensemble.position is not None
            hits = int(in_global_basin(problem, ensemble.position[:, 0]).sum())
            rows.append(share("plane", name, hits, runs, x=float(mass), y=float(rate), problem=problem.name))
    return rows
