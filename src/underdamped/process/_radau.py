"""Radau collocation for large linear systems, stiff or with algebraic rows, to near machine precision."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.polynomial import legendre

STAGES = 8
"""Order 15 at the end of a step and 8 within it; an even number, so that every eigenvalue has a conjugate."""

_MOST_STEPS = 100_000
_MOST_REFINEMENTS = 12


class LinearSystem(Protocol):
    r"""$M(t) \dot y = L(t) y + f$, with ``M`` and ``L`` known by what they do."""

    def left(self, y: np.ndarray, time: float) -> np.ndarray:
        """$M(t) y$."""
        ...

    def right(self, y: np.ndarray, time: float) -> np.ndarray:
        """$L(t) y + f$."""
        ...

    def solver(self, shift: complex, time: float) -> Callable[[np.ndarray], np.ndarray]:
        r"""$r \mapsto (\sigma M(t) - L(t))^{-1} r$, to at least a few digits."""
        ...

    def magnitude(self, y: np.ndarray) -> np.ndarray:
        """The size that errors of each entry are compared with, in the shape of ``y`` or broadcasting to it."""
        ...


class _Collocation(NamedTuple):
    nodes: np.ndarray  # 0 and the Radau points, which end in 1
    derivative: np.ndarray  # values at the nodes to derivatives at the Radau points
    eigenvalues: np.ndarray  # of the derivative among the Radau points, one of each conjugate pair
    to_modes: np.ndarray
    from_modes: np.ndarray
    highest: np.ndarray  # values at the nodes to the highest Legendre coefficient
    weights: np.ndarray  # barycentric


def _collocation(stages: int) -> _Collocation:
    points = (1 + np.sort(legendre.legroots([0.0] * (stages - 1) + [-1.0, 1.0]).real)) / 2
    points[-1] = 1.0
    x = np.concatenate([[0.0], points])
    gaps = x[:, None] - x[None, :]
    np.fill_diagonal(gaps, 1.0)
    weights = 1 / gaps.prod(axis=1)
    D = weights[None, :] / weights[:, None] / gaps
    np.fill_diagonal(D, 0.0)
    np.fill_diagonal(D, -D.sum(axis=1))
    values, vectors = np.linalg.eig(D[1:, 1:])
    upper = np.imag(values) > 0
    return _Collocation(
        nodes=x,
        derivative=D[1:],
        eigenvalues=values[upper],
        to_modes=np.linalg.inv(vectors)[upper],
        from_modes=2 * vectors[:, upper],
        highest=np.linalg.inv(legendre.legvander(2 * x - 1, stages))[-1],
        weights=weights,
    )


_RULE = _collocation(STAGES)


def solve(
    system: LinearSystem, start: np.ndarray, times: np.ndarray, first_step: float, tolerance: float
) -> Iterator[np.ndarray]:
    r"""States at ``times`` (increasing, from 0), one after the other.

    A step solves $M_l \sum_k D_{lk} Y_k / h = L_l Y_l + f$ at the Radau points $l$: with coefficients frozen at the
    middle of the step it falls apart into one complex resolvent for each pair of eigenvalues of $D$; the rest is
    iterative refinement, which stands for changing coefficients and for rounding alike. The polynomial through the
    points is the solution within the step. Its highest Legendre coefficient is kept below the tolerance: that is the
    error of one order less, so the true error is smaller.
    """
    upcoming, end = 0, float(times[-1])
    smallest = 1e-14 * end
    y, time, step = start, 0.0, max(first_step, smallest)
    scale = system.magnitude(y)
    while upcoming < len(times) and times[upcoming] <= 0:
        yield y
        upcoming += 1
    for _ in range(_MOST_STEPS):
        if upcoming == len(times):
            return
        step = min(step, end - time)
        stages = _collocate(system, y, time, step, scale, tolerance)
        error = np.inf
        if stages is not None:
            scale_here = np.maximum(scale, system.magnitude(stages[-1]))
            error = float(np.max(np.abs(np.tensordot(_RULE.highest, stages, 1)) / scale_here)) / tolerance
        # Below the smallest step a jump of a schedule is stepped over: what happens there no longer matters.
        if error > 1 and step > smallest:
            step *= 0.5 if not np.isfinite(error) else max(0.2, 0.9 * error ** (-1 / STAGES))
            continue
        if stages is None:
            raise RuntimeError(f"The moment equations could not be solved beyond time {time!r}.")
        final = end - (time + step) <= smallest
        while upcoming < len(times) and (times[upcoming] <= time + step or final):
            yield _interpolate(stages, min((times[upcoming] - time) / step, 1.0))
            upcoming += 1
        y, time = stages[-1], time + step
        scale = np.maximum(scale, system.magnitude(y))
        growth = 0.9 * max(error, 1e-8) ** (-1 / STAGES)
        if growth > 1.5:  # otherwise the step stays, and with it everything that was factorised for it
            step *= min(growth, 5.0)
    raise RuntimeError(f"The moment equations need more than {_MOST_STEPS} steps; the last one ended at time {time!r}.")


def _collocate(
    system: LinearSystem, y: np.ndarray, time: float, step: float, scale: np.ndarray, tolerance: float
) -> np.ndarray | None:
    """Values at the nodes (stages + 1, ...), or None if the refinement does not contract."""
    at = time + step * _RULE.nodes[1:]
    solvers = [system.solver(value / step, time + step / 2) for value in _RULE.eigenvalues]
    stages = np.broadcast_to(y, (STAGES + 1, *y.shape)).copy()
    last = np.inf
    for _ in range(_MOST_REFINEMENTS):
        slopes = np.tensordot(_RULE.derivative, stages, 1) / step
        residual = np.stack(
            [system.right(Y, t) - system.left(dY, t) for Y, dY, t in zip(stages[1:], slopes, at, strict=True)]
        )
        modes = np.tensordot(_RULE.to_modes, residual, 1)
        solved = np.stack([solver(mode) for solver, mode in zip(solvers, modes, strict=True)])
        change = np.real(np.tensordot(_RULE.from_modes, solved, 1))
        stages[1:] += change
        size = float(np.max(np.abs(change) / np.maximum(scale, system.magnitude(stages[-1]))))
        if not np.isfinite(size):
            return None
        if size < 1e-2 * tolerance:
            return stages
        if size > 0.3 * last:  # rounding if it is small, else coefficients that change too much within the step
            return stages if size < tolerance else None
        last = size
    return None


def _interpolate(stages: np.ndarray, theta: float) -> np.ndarray:
    gaps = theta - _RULE.nodes
    if np.any(gaps == 0):
        return stages[int(np.argmin(np.abs(gaps)))]
    weights = _RULE.weights / gaps
    return np.tensordot(weights / weights.sum(), stages, 1)
