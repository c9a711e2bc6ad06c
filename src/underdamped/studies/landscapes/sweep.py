r"""The mass and how it is lost, one at a time: the scheme with the step of rule (38), $h = \alpha/L$."""

import itertools

import jax
import numpy as np

from underdamped.studies.landscapes.basins import in_global_basin
from underdamped.studies.landscapes.descend import descend
from underdamped.studies.landscapes.methods import METHODS
from underdamped.studies.landscapes.problems import Problem
from underdamped.studies.landscapes.rows import Row, share

MASSES = (0.0, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
r"""$mL/\alpha^2$, which at this step is the odds $m/(\alpha h)$ of the momentum factor too; 1/4 is critical damping
on the largest curvature."""
LEFT = (1.0, 0.1, 1e-3)
"""Shares of the mass that are left at the end of a run: constant, and two rates of loss."""
BATCHES = (1, 5)
"""Batch sizes besides the full gradient: the discrete scheme's switching rate at a given budget."""


def sweep(problem: Problem, *, gradients: int, runs: int, seed: int) -> list[Row]:
    """The share of runs in the global basin against mass, its loss, and the batch size, at one budget of gradients.

    Args:
        problem: what is minimised.
        gradients: of single components, for each run: larger batches leave fewer steps.
        runs: for each mass, loss and batch size.
        seed: of all randomness.

    Returns:
        Rows with the mass in ``x``, the batch size in ``y`` and the share of the mass left in ``series``.
    """
    rows: list[Row] = []
    pairs = list(itertools.product(LEFT, MASSES))
    left, mass = np.repeat(np.array(pairs), runs, axis=0).T
    settings = {"step": np.ones(len(mass)), "lost": 1 / (1 + mass), "left": left}
    for batch_size in (*BATCHES, problem.target.num_components):
        of_starts, of_batches = jax.random.split(jax.random.fold_in(jax.random.key(seed), batch_size))
        starts = problem.starts(of_starts, len(mass))
        steps = max(1, gradients // batch_size)
        ends = descend(problem, METHODS["dmSGMP"], settings, starts, of_batches, steps, batch_size)
        hits = in_global_basin(problem, ends).reshape(len(pairs), runs).sum(1)
        rows += [
            share("mass", series_name(kept), int(number), runs, x=size, y=float(batch_size), problem=problem.name)
            for (kept, size), number in zip(pairs, hits, strict=True)
        ]
    return rows


def series_name(left: float) -> str:
    """What a loss of mass is called.

    Example:
        >>> series_name(1.0), series_name(1e-3)
        ('constant mass', 'mass falls to 0.001 of it')
    """
    return "constant mass" if left == 1 else f"mass falls to {left:g} of it"
