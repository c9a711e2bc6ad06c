"""Whether random switching keeps second moments bounded, and where they settle."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg

from underdamped import _checks
from underdamped.process._jump_system import JumpSystem
from underdamped.process.arguments import check_mass
from underdamped.process.moments import Moments, jump_system, summarize, switching_rate
from underdamped.process.switching import IndexProcess
from underdamped.process.targets import Target

_MOST_SHIFTS = 60
_ARPACK_TOLERANCE = 1e-6
_CLOSE = 1e-4
"""Distance of the last shift, relative: with six digits of the distance that is ten digits of the abscissa. Much
closer, the equations are too near to singular to be solved by iteration."""
_FEW = 32
_MOST_REFINEMENTS = 10


def mean_square_abscissa(target: Target, index: IndexProcess, *, mass: float, friction: float = 1.0) -> float:
    r"""Growth rate of the second moments: the spectral abscissa of their generator.

    $\mathbb{E}|z_t - z'_t|^2$ of two paths with one index path grows like $e^{\lambda t}$ with
    $\lambda = \max \Re \operatorname{spec}(X \mapsto F_i X_i + X_i F_i^\top + \sum_j Q_{ji} X_j)$. Negative means
    *mean-square stable*: one stationary law, reached at that rate in $W_2^2$.

    Components that are stable one by one can be unstable when switched, and the other way round. For a single
    component it is twice the abscissa of its flow.

    The generator leaves the cone of positive semi-definite $X$ invariant, so $\lambda$ is a real eigenvalue, and for
    real $\sigma > \lambda$ the resolvent is positive with spectral radius $1/(\sigma - \lambda)$: that is what is
    computed (by ARPACK), with shifts that come down to $\lambda$ from above. It holds for every mass, 0 included.

    Args:
        target: a `Quadratic`; only its matrices matter.
        index: `UniformSwitching` or `MarkovSwitching` with a constant rate. With rate 0 the worst component counts.
        mass: $m \ge 0$, constant.
        friction: $\alpha > 0$.

    Returns:
        $\lambda$, per unit of time.

    Raises:
        TypeError: If the target is not quadratic or the index process has no such equations, or mass or rate are
            functions of time.
        ValueError: If a bound is broken.

    Example:
        >>> from underdamped.process import Quadratic, UniformSwitching
        >>> spring = Quadratic(A=[[3.0], [3.0]], b=[[0.0], [0.0]])
        >>> index = UniformSwitching(2, rate=1.0)
        >>> round(mean_square_abscissa(spring, index, mass=0.0, friction=2.0), 9)  # -2 A / alpha
        -3.0

    References:
        Costa, Fragoso and Todorov, *Continuous-Time Markov Jump Linear Systems* (2013), Theorem 3.15.
    """
    system, m, rate, _ = _constant_system(target, index, mass, friction)
    return _abscissa(system, m, rate)


def mean_square_stable(target: Target, index: IndexProcess, *, mass: float, friction: float = 1.0) -> bool:
    r"""Whether second moments stay bounded and forget the start: is their generator Hurwitz.

    True if and only if `mean_square_abscissa` is negative. On the edge itself rounding decides.

    Args:
        target: a `Quadratic`.
        index: `UniformSwitching` or `MarkovSwitching` with a constant rate.
        mass: $m \ge 0$, constant.
        friction: $\alpha > 0$.

    Returns:
        Whether $\lambda < 0$.

    Raises:
        TypeError: As `mean_square_abscissa`.
        ValueError: As `mean_square_abscissa`.

    Example:
        >>> from underdamped.process import Quadratic, UniformSwitching
        >>> springs = Quadratic(A=[[0.5], [30.0]], b=[[0.0], [0.0]])  # each alone is stable at every mass
        >>> [mean_square_stable(springs, UniformSwitching(2, rate=2.0), mass=m, friction=0.1) for m in (0.0, 1.0)]
        [True, False]

    References:
        Costa, Fragoso and Todorov, *Continuous-Time Markov Jump Linear Systems* (2013), Theorem 3.15.
    """
    return mean_square_abscissa(target, index, mass=mass, friction=friction) < 0


def stationary_moments(target: Target, index: IndexProcess, *, mass: float, friction: float = 1.0) -> Moments:
    r"""Mean and covariance of position and velocity under the stationary law: the limits of `exact_moments`.

    One linear solve with the moment equations set to rest.

    Args:
        target: a `Quadratic`.
        index: `UniformSwitching` or `MarkovSwitching` with a constant rate. With rate 0 it is the law of the
            minimiser of a random component.
        mass: $m \ge 0$, constant.
        friction: $\alpha > 0$.

    Returns:
        ``mean`` (2K,) and ``cov`` (2K, 2K).

    Raises:
        TypeError: As `mean_square_abscissa`.
        ValueError: If a bound is broken, or the process is not mean-square stable and has no such moments.

    Example:
        >>> from underdamped.process import Quadratic, UniformSwitching
        >>> target = Quadratic(A=[[1.0], [1.0]], b=[[-1.0], [1.0]])
        >>> mean, cov = stationary_moments(target, UniformSwitching(2, rate=1.0), mass=0.0)
        >>> (cov.round(6) + 0.0).tolist()  # p = b - q: the variance of b is 1, half of it is left in q
        [[0.5, 0.0], [0.0, 0.5]]

    References:
        Costa, Fragoso and Todorov, *Continuous-Time Markov Jump Linear Systems* (2013), Chapter 3.
    """
    system, m, rate, shift = _constant_system(target, index, mass, friction)
    abscissa = _abscissa(system, m, rate)
    if abscissa >= 0:
        raise ValueError(
            f"There are no stationary moments: second moments grow at rate {abscissa:.3g}. More friction, less mass or "
            f"components closer to each other make the process mean-square stable."
        )
    y = _resolvent(system, 0.0, m, rate)(system.forcing)
    return Moments(*summarize(system, y, shift))


def _constant_system(
    target: Target, index: IndexProcess, mass: float, friction: float
) -> tuple[JumpSystem, float, float, np.ndarray]:
    if callable(mass):
        way_out = "no law is stationary while it changes; take its value at one time"
        raise _checks.fail("mass", "a number", mass, way_out, TypeError)
    m = check_mass(mass)
    system, shift = jump_system(target, index, friction)
    rate = switching_rate(index)
    if callable(rate):
        way_out = "no law is stationary while it changes; take its value at one time"
        raise _checks.fail("rate", "a number", rate, way_out, TypeError)
    return system, m, 0.0 if system.num_components == 1 else float(rate), shift


def _abscissa(system: JumpSystem, mass: float, rate: float) -> float:
    if system.num_components == 1 or rate == 0:
        return 2 * _flow_abscissa(system.curvature, mass, system.friction)
    above = _growth_bound(system.curvature, mass, system.friction)
    distance = 1e-3 * (rate + float(np.abs(system.curvature).max()) / system.friction) + 1e-3 * abs(above)
    finest, shift, guess = 1e-6 * (distance + abs(above)), above + distance, _definite_start(system)
    found = shift
    for _ in range(_MOST_SHIFTS):
        radius, guess = _spectral_radius(system, shift, mass, rate, guess)
        if radius < 0:  # the last estimate was too low and the shift has passed the abscissa
            shift += 10 * abs(distance)
            continue
        found, distance = shift - 1 / radius, 1 / radius
        if distance <= max(finest, _CLOSE * abs(found)):
            break
        shift = found + 0.05 * distance  # at the closer shift the abscissa stands out twenty times better
    return found


def _spectral_radius(
    system: JumpSystem, shift: float, mass: float, rate: float, guess: np.ndarray
) -> tuple[float, np.ndarray]:
    """Dominant eigenvalue of the resolvent on second moments to six digits, and its eigenvector."""
    solve = _resolvent(system, shift, mass, rate)
    first = 2 * system.dimension
    shape = (system.num_components, system.size - first)

    def resolvent(flat: np.ndarray) -> np.ndarray:
        y = np.zeros((system.num_components, system.size))
        y[:, first:] = flat.reshape(shape)
        return system.symmetric(solve(system.times_mass(system.symmetric(y), mass)))[:, first:].ravel()

    size = shape[0] * shape[1]
    if size <= _FEW:  # ARPACK wants more dimensions than it keeps vectors
        values, vectors = np.linalg.eig(np.stack([resolvent(unit) for unit in np.eye(size)], axis=1))
        largest = int(np.argmax(np.abs(values)))
        return float(np.real(values[largest])), np.real(vectors[:, largest])
    linalg: Any = scipy.sparse.linalg  # its annotations allow for neither a float tolerance nor two results
    operator = linalg.LinearOperator((size, size), matvec=resolvent, dtype=np.float64)
    values, vectors = linalg.eigs(operator, k=1, which="LM", v0=guess, tol=_ARPACK_TOLERANCE)
    return float(values[0].real), vectors[:, 0].real


def _resolvent(system: JumpSystem, shift: float, mass: float, rate: float) -> Callable[[np.ndarray], np.ndarray]:
    """The solver of the system, refined until its residual is rounding."""
    solve = system.solver(shift, mass, rate)

    def solve_and_refine(r: np.ndarray) -> np.ndarray:
        y, residual, size = np.zeros_like(r), r, float(np.abs(r).max())
        for _ in range(_MOST_REFINEMENTS):
            refined = y + np.real(solve(residual))
            coupled = system.times_mass(shift * refined - system.switches(refined, rate), mass)
            residual = r - coupled + system.drift(refined, mass)
            left = float(np.abs(residual).max())
            if not left < 0.5 * size:  # rounding, if what is left is small
                break
            y, size = refined, left
            if left < 1e-13 * float(np.abs(r).max()):
                break
        if not size <= 1e-6 * float(np.abs(r).max()):
            raise RuntimeError(
                f"The moment equations could not be solved at mass {mass!r} and rate {rate!r}: they are singular to "
                f"working precision. Change the mass, friction or rate a little."
            )
        return y

    return solve_and_refine


def _definite_start(system: JumpSystem) -> np.ndarray:
    K = system.dimension
    identity = np.eye(K).ravel()
    return np.tile(np.concatenate([identity, 0 * identity, identity]), system.num_components)


def _flow_abscissa(curvature: np.ndarray, mass: float, friction: float) -> float:
    r"""Largest real part of the roots of $m s^2 + \alpha s + a = 0$ over the curvatures."""
    root = np.sqrt((friction * friction - 4 * mass * curvature).astype(complex))
    return float(np.max((-2 * curvature / (friction + root)).real))


def _growth_bound(curvature: np.ndarray, mass: float, friction: float) -> float:
    r"""A bound on the growth of second moments: that of the energy $c|q|^2 + m|p|^2$ under the worst component."""
    c = float(np.abs(curvature).max()) or 1.0
    excess = float(np.max((c - curvature) ** 2)) / c
    return excess / (friction + float(np.sqrt(friction * friction + mass * excess)))
