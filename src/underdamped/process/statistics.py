"""What an ensemble is asked for instead of its paths: gathered chunk by chunk, in memory that stays flat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from underdamped import _checks

MOMENTS = ("mean", "var", "cov")
DISTANCES = ("distance", "sup_distance")


@dataclass(frozen=True)
class Quantiles:
    r"""Quantiles of every coordinate of the position.

    Method: the paths are independent and identically distributed, so the first ``sample_size`` of them are a fair
    sample of all; their empirical quantiles (linear interpolation between order statistics) are returned. The rank of
    the $u$-quantile has standard error $\sqrt{u(1-u)/n}$, $n = \min(\text{num\_paths}, \text{sample\_size})$: at $10^5$
    paths 0.0016 for the median.

    Args:
        levels: $u$, each in [0, 1].
        sample_size: paths kept, at a cost of K numbers a saved time each.

    Raises:
        ValueError: If a level or the size is out of range.
        TypeError: If they are no numbers.

    Example:
        >>> Quantiles([0.05, 0.5, 0.95]).levels
        (0.05, 0.5, 0.95)
    """

    levels: tuple[float, ...]
    sample_size: int

    def __init__(self, levels: Sequence[float], sample_size: int = 100_000) -> None:
        if not np.iterable(levels) or isinstance(levels, str):
            raise _checks.fail("levels", "a sequence of numbers", levels, "0.5 alone is [0.5]", TypeError)
        values = tuple(_checks.number(level, "levels", "a quantile has a probability below it") for level in levels)
        if not values or min(values) < 0 or max(values) > 1:
            raise _checks.fail("levels", "in [0, 1], at least one", values, "0.5 is the median")
        object.__setattr__(self, "levels", values)
        object.__setattr__(self, "sample_size", _checks.count(sample_size, "sample_size", "it is the paths kept"))


@dataclass(frozen=True)
class Probability:
    r"""Probability of a set, $P((q_t, p_t) \in S)$, or of several at once.

    Its standard error is $\sqrt{P(1-P)/M}$. Where divergence is allowed, a comparison with NaN is false, so that a
    diverged path counts as outside of a set written as one; it stays among the M.

    Args:
        indicator: function of position (K,) and velocity (K,) that says whether they lie in the set: a boolean, or an
            array of booleans for several sets.

    Raises:
        TypeError: If ``indicator`` is no function.

    Example:
        >>> Probability(lambda q, p: q[0] > 0.25).indicator([0.5], None)
        True
    """

    indicator: Callable[[Array, Array], Array]

    def __post_init__(self) -> None:
        if not callable(self.indicator):
            way_out = "such as lambda q, p: q[0] > 0"
            raise _checks.fail("indicator", "a function of position and velocity", self.indicator, way_out, TypeError)


Statistic = str | Quantiles | Probability


class Estimate(NamedTuple):
    """A Monte Carlo mean and its standard error.

    Attributes:
        value: (T,).
        standard_error: (T,).
    """

    value: np.ndarray
    standard_error: np.ndarray


class Moments(NamedTuple):
    """Count, mean and centred second moments, of one chunk or of many merged."""

    count: Any
    mean: Any
    second: Any


class Parts(NamedTuple):
    """What one chunk hands over."""

    moments: Moments | None
    distances: Moments | None
    sample: Any
    hits: Any


def check_statistics(statistics: Sequence[Statistic]) -> tuple[Statistic, ...]:
    """The statistics asked for, or an error that names the one that is unknown or doubled."""
    if isinstance(statistics, str) or not isinstance(statistics, Sequence):
        way_out = 'write statistics=("mean", "cov"), or None for whole paths'
        raise _checks.fail("statistics", "a tuple", statistics, way_out, TypeError)
    if not statistics:
        raise _checks.fail("statistics", "not empty", statistics, "None keeps whole paths")
    for one in statistics:
        if not isinstance(one, Quantiles | Probability) and one not in MOMENTS + DISTANCES:
            way_out = _checks.suggestion(
                str(one), [*MOMENTS, *DISTANCES, "Quantiles(levels)", "Probability(indicator)"]
            )
            raise _checks.fail("statistics", "made of known statistics", one, way_out)
    for kind in (Quantiles, Probability):
        if sum(isinstance(one, kind) for one in statistics) > 1:
            way_out = "give all levels, or all sets, to one of them"
            raise _checks.fail("statistics", f"of at most one {kind.__name__}", statistics, way_out)
    return tuple(statistics)


def check_against(statistics: tuple[Statistic, ...], num_dynamics: int, dimension: int) -> None:
    """Refuse a distance of one dynamics to itself, and indicators that are not boolean."""
    if num_dynamics < 2 and _any_of(DISTANCES, statistics):
        way_out = "a distance is that to the first of several dynamics; use simulate_coupled_ensemble"
        raise _checks.fail("statistics", "without distances for one dynamics", statistics, way_out)
    point = jax.ShapeDtypeStruct((dimension,), jnp.zeros(()).dtype)
    for one in statistics:
        if isinstance(one, Probability):
            inside = jax.eval_shape(one.indicator, point, point)
            if getattr(inside, "dtype", None) != jnp.dtype("bool"):
                given = f"one that returns {getattr(inside, 'dtype', inside)}"
                way_out = "write a comparison, such as q[0] > 0"
                raise _checks.fail("indicator", "a function that returns booleans", given, way_out, TypeError)


def chunk_parts(
    statistics: tuple[Statistic, ...],
    states: Float[Array, "T M Z"],
    reference: Float[Array, "T M Z"],
    is_counted: Bool[Array, " M"],
) -> Parts:
    """The parts of one chunk: its states $z = (q, p)$, of which padding at the end is not counted.

    ``reference`` are the states of the dynamics that distances are taken to.
    """
    moments, distances, sample, hits = None, None, None, None
    positions = states[..., : states.shape[-1] // 2]
    if _any_of(MOMENTS, statistics):
        moments = _moments(states, is_counted, is_full="cov" in statistics)
    if _any_of(DISTANCES, statistics):
        gap = jnp.linalg.norm(positions - reference[..., : positions.shape[-1]], axis=-1)
        distances = _moments(jnp.stack([gap, jax.lax.cummax(gap)], axis=-1), is_counted, is_full=False)
    for one in statistics:
        if isinstance(one, Quantiles):
            sample = positions
        if isinstance(one, Probability):
            inside = jax.vmap(jax.vmap(one.indicator))(positions, states[..., positions.shape[-1] :])
            hits = jnp.where(is_counted.reshape(1, -1, *[1] * (inside.ndim - 2)), inside, 0).sum(1)
    return Parts(moments, distances, sample, hits)


class Gathered:
    """Parts of chunks, merged on the host in double precision in the order of the chunks."""

    def __init__(self, statistics: tuple[Statistic, ...], num_paths: int) -> None:
        self.statistics, self.num_paths = statistics, num_paths
        self._moments: Moments | None = None
        self._distances: Moments | None = None
        self._samples: list[np.ndarray] = []
        self._hits: Any = 0

    def add(self, parts: Parts, rows: slice) -> None:
        """Merge the parts of the chunk of the paths numbered ``rows``."""
        self._moments = _merge(self._moments, parts.moments)
        self._distances = _merge(self._distances, parts.distances)
        if parts.hits is not None:
            self._hits = self._hits + np.asarray(parts.hits, dtype=np.float64)
        if parts.sample is not None:
            most = max(one.sample_size for one in self.statistics if isinstance(one, Quantiles))
            missing = min(most, rows.stop) - rows.start
            if missing > 0:
                self._samples.append(np.asarray(parts.sample)[:, :missing].copy())  # a view would keep the padding

    def results(self) -> dict[str, Any]:
        """The statistics by name."""
        results = {}
        if self._moments is not None:
            spread = self._moments.second / max(self.num_paths - 1, 1)
            variance = np.diagonal(spread, axis1=1, axis2=2) if "cov" in self.statistics else spread
            results = {"mean": self._moments.mean, "var": variance, "cov": spread}
        if self._distances is not None:
            error = np.sqrt(self._distances.second / max(self.num_paths - 1, 1) / self.num_paths)
            for k, name in enumerate(DISTANCES):
                results[name] = Estimate(self._distances.mean[:, k], error[:, k])
        results = {name: value for name, value in results.items() if name in self.statistics}
        for one in self.statistics:
            if isinstance(one, Quantiles):
                results["quantiles"] = np.quantile(np.concatenate(self._samples, axis=1), one.levels, axis=1)
            if isinstance(one, Probability):
                results["probability"] = self._hits / self.num_paths
        return results


def _any_of(names: tuple[str, ...], statistics: tuple[Statistic, ...]) -> bool:
    return any(one in names for one in statistics if isinstance(one, str))


def _moments(values: Array, is_counted: Array, *, is_full: bool) -> Moments:
    count = is_counted.sum()
    weight = is_counted[None, :, None]
    mean = jnp.where(weight, values, 0).sum(1) / count
    centred = jnp.where(weight, values - mean[:, None], 0)
    return Moments(count, mean, jnp.einsum("tmi,tmj->tij", centred, centred) if is_full else (centred**2).sum(1))


def _merge(a: Moments | None, b: Moments | None) -> Moments | None:
    """The update of Chan, Golub and LeVeque for two sets of paths, in double precision."""
    if b is None:
        return a
    b = Moments(*(np.asarray(part, dtype=np.float64) for part in b))
    if a is None:
        return b
    count = a.count + b.count
    shift = b.mean - a.mean
    product = shift[..., :, None] * shift[..., None, :] if a.second.ndim == 3 else shift**2
    second = a.second + b.second + product * (a.count * b.count / count)
    return Moments(count, a.mean + shift * (b.count / count), second)
