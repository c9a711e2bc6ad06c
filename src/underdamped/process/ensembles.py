"""Many paths: cut into chunks, run on all devices and cores, kept whole or reduced to statistics on the fly."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jax import Array
from jaxtyping import Float

from underdamped import _checks
from underdamped.process import faults, memory
from underdamped.process.arguments import MOST_PATHS, check_key
from underdamped.process.chunks import run_chunks
from underdamped.process.flows import Flow
from underdamped.process.problem import Dynamics, Mass, Problem, pose
from underdamped.process.statistics import Estimate, Gathered, Quantiles, Statistic, check_against, check_statistics
from underdamped.process.switching import IndexProcess
from underdamped.process.targets import Target

BYTES_A_PATH = 12
"""What is kept of every path: ``num_switches`` and ``diverged_at``."""

UNASKED = 2**24
"""Bytes that are taken without asking the system: loading JAX took more, and asking takes longer than a few paths."""


class Ensemble(NamedTuple):
    r"""Many paths at the saved times, whole or as statistics; what was not asked for is ``None``.

    Mean, variance and covariance are those of the state $z = (q, p)$, position first, as in ``exact_moments``.

    Attributes:
        times: (T,).
        position: $q$, (M, T, K).
        velocity: $p$, (M, T, K).
        mean: (T, 2K).
        var: (T, 2K).
        cov: (T, 2K, 2K).
        quantiles: of each coordinate of the position, (levels, T, K).
        probability: (T,), or (T, sets).
        distance: $E|q_t - q'_t|$ to the first of several coupled dynamics.
        sup_distance: $E\max_{s \le t}|q_s - q'_s|$ over the saved times $s$, likewise.
        num_switches: ticks of the index up to the last saved time, self-jumps included, (M,).
        diverged_at: first saved time at which a path was not finite, infinity if none, (M,).
    """

    times: np.ndarray
    position: np.ndarray | None = None
    velocity: np.ndarray | None = None
    mean: np.ndarray | None = None
    var: np.ndarray | None = None
    cov: np.ndarray | None = None
    quantiles: np.ndarray | None = None
    probability: np.ndarray | None = None
    distance: Estimate | None = None
    sup_distance: Estimate | None = None
    num_switches: np.ndarray | None = None
    diverged_at: np.ndarray | None = None


def simulate_ensemble(
    target: Target,
    index: IndexProcess,
    *,
    mass: Mass,
    friction: float = 1.0,
    position: Any,
    velocity: Any = None,
    times: Any,
    key: Array,
    flow: Flow,
    num_paths: int,
    statistics: Sequence[Statistic] | None = None,
    chunk_size: int | None = None,
    allow_divergence: bool = False,
    progress: bool | None = None,
) -> Ensemble:
    r"""Independent paths of the stochastic gradient-momentum process.

    Path $j$ depends on ``key`` and $j$ alone: it is ``simulate(..., path_number=j)``, whatever the number of paths, the
    chunks and the devices; to the last bit, except where the target or the flow takes sums, such as the dot product
    of a linear model or the products with the full matrices of a ``Quadratic``, also under ``Exact``: their rounding in
    XLA depends on the size of the chunk.

    With ``statistics`` memory grows by 12 bytes a path only, for ``num_switches`` and ``diverged_at``.

    Args:
        target: as in ``simulate``.
        index: as in ``simulate``.
        mass: as in ``simulate``.
        friction: as in ``simulate``.
        position: as in ``simulate``, or (M, K) for a start a path.
        velocity: likewise.
        times: as in ``simulate``; one time for the end only.
        key: as in ``simulate``.
        flow: as in ``simulate``.
        num_paths: M.
        statistics: ``None`` keeps whole paths; else any of ``"mean"``, ``"var"``, ``"cov"``, ``Quantiles``,
            ``Probability``.
        chunk_size: paths simulated side by side; ``None`` fits the cache. Changes speed and memory, not the paths.
        allow_divergence: keep paths that are not finite, and say so in ``diverged_at``, instead of raising.
        progress: show a bar on a terminal or in a notebook; ``None`` does so for long runs if rich is installed.

    Returns:
        The ensemble, with what was asked for.

    Raises:
        ValueError: As ``simulate``.
        TypeError: As ``simulate``.
        MemoryError: If whole paths, or what statistics keep of them, would not fit into memory.
        FloatingPointError: If paths diverge, naming them.
        ModuleNotFoundError: If a bar is asked for by ``progress=True`` and rich is not installed.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from underdamped.process import Exact, Quadratic, UniformSwitching
        >>> target = Quadratic(A=jnp.ones((2, 1)), b=jnp.array([[-1.0], [1.0]]))
        >>> ensemble = simulate_ensemble(
        ...     target, UniformSwitching(2, rate=10.0), mass=0.1, position=[3.0], times=[20.0], key=jax.random.key(0),
        ...     flow=Exact(), num_paths=10_000, statistics=("mean", "cov"))
        >>> bool(abs(ensemble.mean[0, 0]) < 0.02)  # forgotten the start: the mean is the minimiser
        True

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), equations (11), (14), (19), (28).
    """
    dynamics = (Dynamics(mass, friction, position, velocity),)
    return simulate_coupled_ensemble(
        target,
        index,
        dynamics,
        times=times,
        key=key,
        flow=flow,
        num_paths=num_paths,
        statistics=statistics,
        chunk_size=chunk_size,
        allow_divergence=allow_divergence,
        progress=progress,
    )[0]


def simulate_coupled_ensemble(
    target: Target,
    index: IndexProcess,
    dynamics: Sequence[Dynamics],
    *,
    times: Any,
    key: Array,
    flow: Flow,
    num_paths: int,
    statistics: Sequence[Statistic] | None = None,
    chunk_size: int | None = None,
    allow_divergence: bool = False,
    progress: bool | None = None,
) -> tuple[Ensemble, ...]:
    """Many index paths, each driving all of several dynamics: ``simulate_ensemble`` and ``simulate_coupled`` in one.

    Args:
        target: as ``simulate_ensemble``.
        index: as ``simulate_ensemble``.
        dynamics: mass, friction, start and flow of each.
        times: as ``simulate_ensemble``.
        key: as ``simulate_ensemble``.
        flow: the flow of every dynamics that has none of its own.
        num_paths: as ``simulate_ensemble``.
        statistics: as ``simulate_ensemble``; also ``"distance"`` and ``"sup_distance"`` to the first dynamics.
        chunk_size: as ``simulate_ensemble``.
        allow_divergence: as ``simulate_ensemble``.
        progress: as ``simulate_ensemble``.

    Returns:
        One ensemble a dynamics.

    Raises:
        ValueError: As ``simulate_ensemble``.
        TypeError: As ``simulate_ensemble``.
        MemoryError: As ``simulate_ensemble``.
        FloatingPointError: As ``simulate_ensemble``.
        ModuleNotFoundError: As ``simulate_ensemble``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from underdamped.process import Dynamics, Exact, Quadratic, UniformSwitching
        >>> target = Quadratic(A=jnp.ones((2, 1)), b=jnp.array([[-1.0], [1.0]]))
        >>> massless, light = simulate_coupled_ensemble(
        ...     target, UniformSwitching(2, rate=1.0), [Dynamics(0.0, position=[3.0]), Dynamics(1e-3, position=[3.0])],
        ...     times=[1.0, 2.0], key=jax.random.key(0), flow=Exact(), num_paths=100, statistics=("sup_distance",))
        >>> bool((light.sup_distance.value < 0.01).all())
        True

    References:
        Jin, Latz, Liu and Scagliotti (JMLR 2025), Theorems 6, 15 and 18.
    """
    num_paths = _checks.count(num_paths, "num_paths", "it is the number of paths", MOST_PATHS)
    wanted = None if statistics is None else check_statistics(statistics)
    key = check_key(key)
    problem = pose(target, index, dynamics, times, flow, num_paths)
    if wanted is not None:
        check_against(wanted, len(problem.motions), problem.motions[0].position.shape[-1])
    _check_memory(problem, wanted, num_paths)
    ensembles = [_collector(wanted, problem, num_paths) for _ in problem.motions]
    num_switches, diverged_at = np.empty(num_paths, np.int32), np.full(num_paths, np.inf)
    times = np.asarray(times, dtype=np.float64)
    for first, (parts, ticks, slot) in run_chunks(problem, key, num_paths, wanted, chunk_size, progress):
        rows = slice(first, first + len(ticks))
        num_switches[rows], diverged_at[rows] = ticks, np.append(times, np.inf)[slot]
        for ensemble, part in zip(ensembles, parts, strict=True):
            ensemble.add(part, rows)
    faults.report_breach(num_switches)
    if not allow_divergence:
        faults.report(diverged_at)
    shared: dict[str, Any] = {"times": times, "num_switches": num_switches, "diverged_at": diverged_at}
    return tuple(Ensemble(**shared, **ensemble.results()) for ensemble in ensembles)


class _Whole:
    """Whole paths, copied into place chunk by chunk."""

    def __init__(self, problem: Problem, num_paths: int) -> None:
        dtype, K = problem.grid.times.dtype, problem.motions[0].position.shape[-1]
        self.position = np.empty((num_paths, len(problem.grid.times), K), dtype)
        self.velocity = np.empty_like(self.position)

    def add(self, states: Sequence[Float[Array, "M T K"]], rows: slice) -> None:
        """Copy position and velocity (paths, T, K) of a chunk into the rows of its paths, padding left out."""
        for whole, part in zip((self.position, self.velocity), states, strict=True):
            whole[rows] = np.asarray(part)[: rows.stop - rows.start]

    def results(self) -> dict[str, Any]:
        """The paths."""
        return {"position": self.position, "velocity": self.velocity}


def _collector(wanted: tuple[Statistic, ...] | None, problem: Problem, num_paths: int) -> Gathered | _Whole:
    return _Whole(problem, num_paths) if wanted is None else Gathered(wanted, num_paths)


def _check_memory(problem: Problem, wanted: tuple[Statistic, ...] | None, num_paths: int) -> None:
    """What would not fit is refused before the work, not after: whole paths, or those that quantiles are taken of."""
    times, num_dynamics = problem.grid.times, len(problem.motions)
    coordinate = num_paths * len(times) * times.dtype.itemsize * problem.motions[0].position.shape[-1]
    if wanted is None:
        kept, what = 2 * num_dynamics * coordinate, "whole paths"
        way_out = 'ask for statistics=("mean", "cov"), or for fewer times or paths'
    else:
        share = max((min(one.sample_size / num_paths, 1.0) for one in wanted if isinstance(one, Quantiles)), default=0)
        kept, what = (num_dynamics + 2) * share * coordinate, "paths"  # one is joined and sorted at a time
        way_out = "ask for fewer paths or times, or for a smaller sample_size of Quantiles"
    needed = kept + BYTES_A_PATH * num_paths
    available = memory.available() if needed > UNASKED else None
    if available is not None and needed > available:
        given = f"{needed / 2**30:.1f} GiB for {num_paths} {what}"
        bound = f"such that paths fit into {available / 2**30:.1f} GiB"
        raise _checks.fail("num_paths", bound, given, way_out, MemoryError)
