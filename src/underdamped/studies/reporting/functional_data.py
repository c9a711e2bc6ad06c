"""What the records of the functional study say: against the published table, in other readings, and with a mass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from underdamped.studies.reporting.statistics import over_seeds

_PUBLISHED_STEPS, _PUBLISHED_STEP_SIZE = 50_000, 0.1
_GATE = 2.0  # published standard deviations
_READING = "reading: "
_NEGLIGIBLE = 0.01  # of the error without mass: smaller differences are not called any

DIVERGED = 10.0
"""A mean relative error beyond it is said to diverge."""

NO_MASS = "SGP"
"""The method of the published table in the records: mass 0."""


@dataclass(frozen=True)
class Row:
    """One row of the published table beside ours; errors are relative, not per cent.

    Attributes:
        index: The index process.
        values: Final errors of the runs.
        mean: Their mean.
        sd: Their standard deviation.
        low: Lower end of the mean's 95 % interval, or None.
        high: Upper end, or None.
        root_mean_square: Of the final errors.
        margin: Half of its 95 % interval.
        exact: The stationary root mean square by the moment equations, or None where none is known.
        published: The published mean.
        published_sd: The published standard deviation.
        agrees: Whether the means are within two published standard deviations; None if steps differ from the published.
    """

    index: str
    values: tuple[float, ...]
    mean: float
    sd: float
    low: float | None
    high: float | None
    root_mean_square: float
    margin: float
    exact: float | None
    published: float
    published_sd: float
    agrees: bool | None

    @property
    def distance(self) -> float:
        """Of the means, in published standard deviations."""
        return (self.mean - self.published) / self.published_sd


@dataclass(frozen=True)
class ReadingOutcome:
    """The table in one reading.

    Attributes:
        name: The reading.
        means: Mean final error of each index process.
        within: How many lie within two published standard deviations of the published means.
        worst: The row farthest from its published mean, and how far.
        distance: The same in published standard deviations, without sign.
    """

    name: str
    means: Mapping[str, float]
    within: int
    worst: str
    distance: float


@dataclass(frozen=True)
class MassOutcome:
    """One method with momentum.

    Attributes:
        method: Its name.
        cells: For each index process the mean final error and how it compares, as text.
        lower: Index processes with which the final error is lower than without mass, by a paired 95 % interval.
        higher: Those with which it is higher.
        unstable: Those with which the scheme is mean-square unstable, by its exact moments.
    """

    method: str
    cells: Mapping[str, str]
    lower: tuple[str, ...]
    higher: tuple[str, ...]
    unstable: tuple[str, ...]

    @property
    def is_lost(self) -> bool:
        """Whether the mass falls to 0."""
        return self.method.startswith("dmSGMP")


def compare_with_published(records: pl.DataFrame, config: Mapping[str, Any]) -> list[Row]:
    """Each published row beside ours; none if the runs are not recorded yet.

    Args:
        records: Columns as in the study's ``SCHEMA``.
        config: ``steps`` and ``step_size``; the published ones where they are missing.
    """
    steps, size = config.get("steps", _PUBLISHED_STEPS), config.get("step_size", _PUBLISHED_STEP_SIZE)
    comparable = steps == _PUBLISHED_STEPS and math.isclose(size, _PUBLISHED_STEP_SIZE)
    plain = _without_mass(records)
    found = []
    for index, published in _values(plain, "published mean").items():
        final = plain.filter((pl.col("quantity") == "final error") & (pl.col("series") == index))
        sd_published = _values(plain, "published sd")[index]
        statistics = over_seeds(final, "value", by=["series"]).row(0, named=True)
        values = final["value"].to_numpy()
        # Runs beyond what a number holds have no mean; it is said to diverge like one that is merely huge.
        mean, sd = (math.inf if statistics[name] is None else statistics[name] for name in ("mean", "sd"))
        square = float((values**2).mean())
        margin = stats.t.ppf(0.975, len(values) - 1) * (values**2).std(ddof=1) / math.sqrt(len(values))
        agrees = abs(mean - published) <= _GATE * sd_published if comparable else None
        found.append(
            Row(
                index=index,
                values=tuple(values.tolist()),
                mean=mean,
                sd=sd,
                low=statistics["low"],
                high=statistics["high"],
                root_mean_square=math.sqrt(square),
                margin=float(margin) / (2 * math.sqrt(square)),  # of the root, from that of the square
                exact=_values(plain, "stationary error").get(index),
                published=published,
                published_sd=sd_published,
                agrees=agrees,
            )
        )
    return found


def judge_readings(records: pl.DataFrame, rows: Sequence[Row]) -> list[ReadingOutcome]:
    """The reading taken first, then every other one that is recorded; none if there are none.

    Args:
        records: Columns as in the study's ``SCHEMA``.
        rows: What ``compare_with_published`` gave.
    """
    other = records.filter(pl.col("experiment").str.starts_with(_READING))
    if other.is_empty() or not rows:
        return []
    found = [_judge_reading("as taken here", {row.index: row.mean for row in rows}, rows)]
    for name in other["experiment"].unique(maintain_order=True):
        means = _values(other.filter(pl.col("experiment") == name), "mean")
        found.append(_judge_reading(str(name).removeprefix(_READING), means, rows))
    return found


def judge_masses(records: pl.DataFrame) -> list[MassOutcome]:
    """Every method with a mass against none, on the same index paths.

    Args:
        records: Columns as in the study's ``SCHEMA``.
    """
    finals = records.filter(pl.col("quantity") == "final error")
    plain = _without_mass(records)
    indices = list(_values(plain, "published mean"))
    found = []
    for method in method_names(records)[1:]:
        growth = _values(records.filter(pl.col("method") == method), "growth")
        cells: dict[str, str] = {}
        lower: list[str] = []
        higher: list[str] = []
        for index in indices:
            here = finals.filter(pl.col("series") == index)
            base, own = (
                here.filter(pl.col("method") == name).sort("x")["value"].to_numpy() for name in (NO_MASS, method)
            )
            sign = _paired(own, base)
            cells[index] = _percent(float(own.mean())) + {-1: " ▼", 0: "", 1: " ▲"}[sign]
            if growth.get(index, 0.0) >= 1:
                cells[index] += f" × {growth[index]:.3f}"
            if sign:
                (lower if sign < 0 else higher).append(index)
        unstable = tuple(index for index, value in growth.items() if value >= 1)
        found.append(MassOutcome(method, cells, tuple(lower), tuple(higher), unstable))
    return found


def method_names(records: pl.DataFrame) -> list[str]:
    """Methods in the order of the records, the one without mass first."""
    names = records.filter(pl.col("quantity") == "final error")["method"].unique(maintain_order=True).to_list()
    return sorted(names, key=lambda name: name != NO_MASS)


def _judge_reading(name: str, means: Mapping[str, float], rows: Sequence[Row]) -> ReadingOutcome:
    away = {row.index: (means[row.index] - row.published) / row.published_sd for row in rows}
    size = {index: abs(value) if math.isfinite(value) else math.inf for index, value in away.items()}
    worst = max(size, key=lambda index: size[index])
    shown = f"{away[worst]:+.1f}".replace("-", "−") if size[worst] < 1e3 else "diverges"
    return ReadingOutcome(
        name, means, sum(value <= _GATE for value in size.values()), f"{worst} ({shown})", size[worst]
    )


def _paired(own: np.ndarray, base: np.ndarray) -> int:
    """Sign of the mean difference, 0 where its 95 % t-interval contains 0 or where it is too small to matter."""
    if not own.mean() < DIVERGED:
        return 1
    apart = own - base
    if abs(apart.mean()) < _NEGLIGIBLE * base.mean():
        return 0
    margin = stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / math.sqrt(len(apart))
    return int(np.sign(apart.mean())) if abs(apart.mean()) > margin else 0


def _without_mass(records: pl.DataFrame) -> pl.DataFrame:
    return records.filter((pl.col("method") == NO_MASS) & ~pl.col("experiment").str.starts_with(_READING))


def _values(records: pl.DataFrame, quantity: str) -> dict[str, float]:
    """Value of ``quantity`` for each index process that has one."""
    chosen = records.filter(pl.col("quantity") == quantity)
    return dict(zip(chosen["series"].to_list(), chosen["value"].to_list(), strict=True))


def _percent(value: float) -> str:
    return f"{100 * value:.2f}" if value < DIVERGED else "diverges"
