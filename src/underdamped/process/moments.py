"""Exact means and covariances of a switched quadratic: no sampling, no integrator to trust."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from underdamped import _checks
from underdamped.process import _radau
from underdamped.process._jump_system import JumpSystem
from underdamped.process.arguments import check_components, check_friction, check_mass, check_times
from underdamped.process.arrays import as_doubles
from underdamped.process.switching import IndexProcess, MarkovSwitching, UniformSwitching, stationary_law
from underdamped.process.targets import Quadratic, Target
from underdamped.schedules import Schedule

_TOLERANCE = 1e-12
"""Of the states, relative to the largest so far: close to what float64 can give."""

_MOST_UNKNOWNS = 4_000_000
"""About 2 GB of working memory."""


class Moments(NamedTuple):
    """Mean and covariance of ``z = (q, p)``.

    Attributes:
        mean: (T, 2K), or (2K,) for stationary moments; the first K entries are the position.
        cov: (T, 2K, 2K), or (2K, 2K).
    """

    mean: np.ndarray
    cov: np.ndarray


def exact_moments(
    target: Target,
    index: IndexProcess,
    *,
    mass: float | Schedule,
    friction: float = 1.0,
    position: Any,
    velocity: Any = None,
    times: Any,
    covariance: Any = None,
) -> Moments:
    r"""Mean and covariance of position and velocity at given times, exact up to rounding.

    The process and its index together are a Markov-jump linear system, whose first two moments on each component,
    $x_i = \mathbb{E}[z 1_i]$ and $X_i = \mathbb{E}[z z^\top 1_i]$, obey closed linear equations:

    $$\dot x_i = F_i x_i + g_i \pi_i + \sum_j Q_{ji} x_j,\qquad
      \dot X_i = F_i X_i + X_i F_i^\top + g_i x_i^\top + x_i g_i^\top + \sum_j Q_{ji} X_j.$$

    They are solved by Radau collocation of order 15 at relative tolerance 1e-12, uniformly in the mass, in float64
    whatever the precision JAX is set to. Nothing of the size of the big matrix is formed: $10^5$ unknowns
    $N (2K)^2$ take seconds to minutes.

    At mass 0 the velocity is no state but $p = -\nabla\Phi_i(q)/\alpha$: it jumps with the index, and it is that
    velocity whose moments are returned, at time 0 as well; ``velocity`` is then without effect, like in the process.

    Args:
        target: a `Quadratic`.
        index: `UniformSwitching` or `MarkovSwitching`, stationary from the start. Mini-batches are enumerated, which
            is possible for small $\binom{N}{\ell}$ only. Rate 0 keeps the first component for ever (the covariance is
            that between components), rate inf is the full gradient flow (a fixed start keeps covariance 0).
        mass: $m \ge 0$, a number or a Schedule of time.
        friction: $\alpha > 0$.
        position: $q_0$, shape (K,): the mean of the start if ``covariance`` is given.
        velocity: $p_0$, shape (K,); 0 when left out.
        times: increasing, $\ge 0$, shape (T,).
        covariance: of a random start $(q, p)$ independent of the index, (2K, 2K); a fixed start when left out.

    Returns:
        ``mean`` (T, 2K) and ``cov`` (T, 2K, 2K) as NumPy arrays.

    Raises:
        TypeError: If the target is not quadratic or the index process has no such equations.
        ValueError: If shapes or bounds are broken, or the problem is too large.

    Example:
        >>> from underdamped.process import Quadratic, UniformSwitching
        >>> target = Quadratic(A=[[1.0], [1.0]], b=[[-1.0], [1.0]])  # two springs, at -1 and at 1
        >>> index = UniformSwitching(2, rate=2.0)
        >>> mean, cov = exact_moments(target, index, mass=0.0, position=[0.0], times=[0.0, 20.0])
        >>> mean.shape, cov.shape
        ((2, 2), (2, 2, 2))
        >>> round(float(cov[1, 0, 0]), 6)  # 1 / (1 + rate): the noise is filtered by the spring
        0.333333

    References:
        Costa, Fragoso and Todorov, *Continuous-Time Markov Jump Linear Systems* (2013), Chapter 3.
    """
    system, shift = jump_system(target, index, friction)
    K = system.dimension
    t = check_times(times)
    mean = np.concatenate([_vector(position, "position", K) - shift, _vector(velocity, "velocity", K, optional=True)])
    rate = 0.0 if system.num_components == 1 else switching_rate(index)
    moments = _MovingSystem(system, _of_time(mass, "mass", check_mass), _of_time(rate, "rate", _check_rate))
    start = moments.start(mean, _covariance(covariance, K), shortest=1e-14 * max(float(t[-1]), 1e-300))
    states = _radau.solve(moments, start, t, moments.first_step(), _TOLERANCE)
    means, covs = zip(*(summarize(system, y, shift) for y in states), strict=True)
    return Moments(np.stack(means), np.stack(covs))


def jump_system(target: Target, index: IndexProcess, friction: float) -> tuple[JumpSystem, np.ndarray]:
    """The moment equations around the minimiser, and that minimiser.

    Around it, because a covariance is a difference of second moments: far from the origin its digits would cancel.
    """
    alpha = check_friction(friction)
    if not isinstance(target, Quadratic):
        way_out = "only then are the equations closed; estimate them with simulate_ensemble"
        raise _checks.fail("target", "a Quadratic", type(target).__name__, way_out, TypeError)
    if not isinstance(index, UniformSwitching | MarkovSwitching):
        way_out = "other index processes have no closed equations here; estimate them with simulate_ensemble"
        raise _checks.fail("index", "UniformSwitching or MarkovSwitching", type(index).__name__, way_out, TypeError)
    check_components(target, index)
    A, b = np.asarray(target.A, dtype=np.float64), np.asarray(target.b, dtype=np.float64)
    generator = None
    if isinstance(index, MarkovSwitching):
        generator = np.array(index.generator, dtype=np.float64)
        np.fill_diagonal(generator, 0.0)  # float32 rows do not sum to 0 in float64
        np.fill_diagonal(generator, -generator.sum(axis=1))
        weights = stationary_law(generator)
    else:
        A, b = _states(A, b, index)
        weights = np.full(len(b), 1 / len(b))
    _check_size(*b.shape)
    mean_A, mean_b = np.tensordot(weights, A, 1), weights @ b
    mean_A = np.diag(mean_A) if mean_A.ndim == 1 else mean_A
    shift = np.linalg.lstsq(mean_A, mean_b, rcond=1e-6)[0]
    b = b - (A * shift if A.ndim == 2 else A @ shift)
    return JumpSystem(A, b, weights, alpha, generator), shift


def summarize(
    system: JumpSystem, y: Float[np.ndarray, "N moments"], shift: Float[np.ndarray, " K"]
) -> tuple[Float[np.ndarray, " Z"], Float[np.ndarray, "Z Z"]]:
    """Mean (2K,) and covariance (2K, 2K) of (q, p) from the moments on each component."""
    u, v, Q, C, P = (part.sum(axis=0) for part in system.split(system.from_modes(y)))
    mean = np.concatenate([u, v])
    second = np.block([[Q, C], [C.T, P]])
    cov = second - np.outer(mean, mean)
    mean[: len(shift)] += shift
    return mean, (cov + cov.T) / 2


class _MovingSystem:
    """The moment equations with their coefficients of time, as the integrator wants them."""

    def __init__(self, system: JumpSystem, mass: Callable[[float], float], rate: Callable[[float], float]) -> None:
        self.system, self.mass, self.rate = system, mass, rate
        self._solvers: dict[tuple[complex, float, float], Callable[[np.ndarray], np.ndarray]] = {}

    def left(self, y: np.ndarray, time: float) -> np.ndarray:
        return self.system.times_mass(y, self.mass(time))

    def right(self, y: np.ndarray, time: float) -> np.ndarray:
        mass = self.mass(time)
        switched = self.system.times_mass(self.system.switches(y, self.rate(time)), mass)
        return self.system.drift(y, mass) + switched + self.system.forcing

    def solver(self, shift: complex, time: float) -> Callable[[np.ndarray], np.ndarray]:
        key = (shift, self.mass(time), self.rate(time))
        if key not in self._solvers:
            if len(self._solvers) >= 2 * _radau.STAGES:
                self._solvers.clear()
            self._solvers[key] = self.system.solver(*key)
        return self._solvers[key]

    def magnitude(self, y: np.ndarray) -> np.ndarray:
        # A part that is zero by symmetry is rounding: it is compared with what Cauchy and Schwarz allow it to be.
        u, v, Q, C, P = (float(np.max(np.abs(y[..., part]), initial=0.0)) for part in self.system.slices)
        weight = float(np.max(self.system.weights))
        sizes = [max(u, math.sqrt(Q * weight)), max(v, math.sqrt(P * weight)), Q, max(C, math.sqrt(Q * P)), P]
        scale = np.empty(self.system.size)
        for part, size in zip(self.system.slices, sizes, strict=True):
            scale[part] = max(size, 1e-280)
        return scale

    def start(self, mean: np.ndarray, cov: np.ndarray, shortest: float) -> np.ndarray:
        """The moments of a start that is independent of the index."""
        system, K = self.system, self.system.dimension
        second = cov + np.outer(mean, mean)
        parts = (mean[:K], mean[K:], second[:K, :K], second[:K, K:], second[K:, K:])
        state = np.concatenate([part.ravel() for part in parts])
        y = system.to_modes(system.weights[:, None] * state)
        # A velocity that relaxes faster than time can resolve is where it relaxes to.
        return y if self.mass(0.0) / system.friction > shortest else system.relaxed(y)

    def first_step(self) -> float:
        """A fraction of the shortest time scale at the start; the integrator finds the longer ones by itself."""
        mass, alpha = self.mass(0.0), self.system.friction
        stiffness = float(np.max(np.abs(self.system.curvature)))
        fastest = self.rate(0.0) * self.system.speed + stiffness / alpha
        if mass > 0:
            fastest += alpha / mass + math.sqrt(stiffness / mass)
        return min(0.1 / fastest, 1e300) if fastest > 0 else 1.0


def _states(A: np.ndarray, b: np.ndarray, index: UniformSwitching) -> tuple[np.ndarray, np.ndarray]:
    """What the index can show: the mean matrix and vector of each mini-batch."""
    N, size = len(b), index.batch_size
    if size == N or (not callable(index.rate) and index.rate == math.inf):
        return A.mean(axis=0, keepdims=True), b.mean(axis=0, keepdims=True)
    if size == 1:
        return A, b
    _check_size(math.comb(N, size), b.shape[1], size)
    batches = np.array(list(itertools.combinations(range(N), size)))
    return A[batches].mean(axis=1), b[batches].mean(axis=1)


def _check_size(states: int, K: int, batch_size: int = 1) -> None:
    unknowns = states * (2 * K + 3 * K * K)
    if unknowns > _MOST_UNKNOWNS:
        argument, way_out = "target", "take fewer components or dimensions, or simulate_ensemble"
        if batch_size > 1:
            argument = "index.batch_size"
            way_out = "there is one state for each mini-batch; take 1, or all components, or simulate_ensemble"
        bound = f"of at most {_MOST_UNKNOWNS:,} moments"
        raise _checks.fail(argument, bound, f"{states:,} states and {unknowns:,} moments", way_out)


def _vector(value: Any, argument: str, K: int, *, optional: bool = False) -> np.ndarray:
    if value is None and optional:
        return np.zeros(K)
    vector = as_doubles(value, argument)
    if vector.shape != (K,) or not np.all(np.isfinite(vector)):
        raise _checks.fail(argument, f"finite and of shape ({K},)", vector.shape, "one entry a dimension of the target")
    return vector


def _covariance(value: Any, K: int) -> np.ndarray:
    if value is None:
        return np.zeros((2 * K, 2 * K))
    cov = as_doubles(value, "covariance")
    if cov.shape != (2 * K, 2 * K) or not np.all(np.isfinite(cov)):
        raise _checks.fail("covariance", f"finite and of shape ({2 * K}, {2 * K})", cov.shape, "it is that of (q, p)")
    if not np.allclose(cov, cov.T, rtol=1e-10, atol=0) or np.linalg.eigvalsh(cov)[0] < -1e-10 * np.abs(cov).max():
        raise _checks.fail("covariance", "symmetric and positive semi-definite", value, "it is a covariance")
    return cov


def switching_rate(index: IndexProcess) -> Any:
    """What drives the clock of an index with moment equations: the speed of a chain, the rate of redraws."""
    return index.speed if isinstance(index, MarkovSwitching) else index.rate  # pyright: ignore[reportAttributeAccessIssue]


def _of_time(value: Any, argument: str, check: Callable[[Any, str], float]) -> Callable[[float], float]:
    if not callable(value):
        constant = check(value, argument)
        return lambda _: constant

    def at(time: float) -> float:
        with jax.enable_x64(True):  # a schedule written in JAX would be rounded to float32, which no tolerance survives
            return check(value(time), f"{argument}({time!r})")

    return at


def _check_rate(value: Any, argument: str) -> float:
    return _checks.non_negative(value, argument, "0 never switches")
