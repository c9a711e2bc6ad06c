"""What training records say in the end: which runs ended, which diverged, what may be ranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from underdamped.studies.reporting.statistics import over_seeds

_PAPER_NAMES = {"momentum": "classical momentum"}


@dataclass(frozen=True)
class Mean:
    """A mean accuracy over seeds, in per cent, and its 95 % t-interval; None where the numbers do not give one.

    The interval is cut at 0 and at 100: no accuracy lies beyond, so it covers the truth as often as before. Seeds that
    all agree give none: accuracies are counts of images, so their spread is unknown then, not zero.

    Attributes:
        n: Number of values.
        mean: Their mean.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    n: int
    mean: float | None
    low: float | None
    high: float | None

    @property
    def alike(self) -> bool:
        """Whether there are several values, and all are the same."""
        return self.n > 1 and self.mean is not None and self.low is None


@dataclass(frozen=True)
class Outcome:
    """Where the runs of one method ended.

    Attributes:
        method: Its name in the records, a family and parameters.
        name: The paper's name, with the parameters where another method has the same name.
        epoch: The epoch it is judged at.
        complete: Whether that is the last epoch asked for.
        seeds: Seeds it is judged by.
        rows: Their records up to that epoch.
        unfinished: Seeds that were stopped early and are left out, with the epoch they reached.
        diverged: Seeds whose loss was not finite, with the epoch it first was not.
        train: Accuracy on the training images, in per cent.
        test: Accuracy on the test images, in per cent.
        values: The test accuracies of the seeds, in per cent.
    """

    method: str
    name: str
    epoch: int
    complete: bool
    seeds: tuple[int, ...]
    rows: pl.DataFrame
    unfinished: tuple[tuple[int, int], ...]
    diverged: tuple[tuple[int, int], ...]
    train: Mean
    test: Mean
    values: tuple[float, ...]


@dataclass(frozen=True)
class Ranking:
    """What the intervals allow to be said.

    Attributes:
        first: The outcome with the highest mean test accuracy, or None if nothing can be compared.
        tied: Those whose interval overlaps the first one's, in the order of their means.
        below: Those whose interval lies below the first one's.
        unranked: Those without an interval: one seed, all seeds alike, diverged, or stopped early.
    """

    first: Outcome | None
    tied: tuple[Outcome, ...]
    below: tuple[Outcome, ...]
    unranked: tuple[Outcome, ...]


def outcomes(records: pl.DataFrame, epochs: int) -> list[Outcome]:
    """Judge each method by the seeds that were trained to the end, or diverged on the way.

    A seed that was stopped early is left out as long as another one of its method came to the end; if none did, the
    method is judged at the last epoch that all its seeds reached, and is not complete.

    Args:
        records: One row per method, seed and epoch (epoch 0: before training).
        epochs: Last epoch asked for.

    Returns:
        One outcome a method, in the order of the records.

    Example:
        >>> rows = [dict(method="SGD", seed=s, epoch=e, train_loss=1.0, test_loss=1.0, train_accuracy=0.5,
        ...              test_accuracy=0.5 + 0.1 * s) for s in (0, 1) for e in (0, 1)]
        >>> [(o.method, o.epoch, o.seeds, o.test.mean) for o in outcomes(pl.DataFrame(rows), epochs=1)]
        [('SGD', 1, (0, 1), 55.0)]
    """
    names = labels(records["method"].unique(maintain_order=True).to_list())
    return [_outcome(rows, names, epochs) for rows in records.partition_by("method", maintain_order=True)]


def labels(methods: Sequence[str]) -> dict[str, str]:
    """The paper's name of each method; with its parameters where two methods share the name.

    Example:
        >>> labels(["momentum η=0.01 ρ=0.9", "hSGMP α=1 m=0.1 h=1", "hSGMP α=10 m=0.1 h=1"])["momentum η=0.01 ρ=0.9"]
        'classical momentum'
    """
    families = [family(method) for method in methods]
    return {
        method: name if families.count(name) == 1 else f"{name} ({parameters(method)})"
        for method, name in zip(methods, families, strict=True)
    }


def family(method: str) -> str:
    """The paper's name of the method's family."""
    word = method.partition(" ")[0]
    return _PAPER_NAMES.get(word, word)


def parameters(method: str) -> str:
    """The method's parameters, separated by commas."""
    return ", ".join(method.split()[1:])


def rank(judged: Sequence[Outcome]) -> Ranking:
    """Order outcomes by mean test accuracy, and say which intervals keep the first from being called better.

    Two intervals that overlap can still belong to means that differ: the rule is cautious, and needs no correction for
    the number of methods that a test of every pair would.

    Args:
        judged: What ``outcomes`` gave.

    Returns:
        The ranking.
    """
    comparable = [item for item in judged if item.complete and item.test.low is not None]
    unranked = tuple(item for item in judged if item not in comparable)
    ordered = sorted(comparable, key=lambda item: -(item.test.mean or 0.0))
    if not ordered:
        return Ranking(None, (), (), unranked)
    first, others = ordered[0], ordered[1:]
    tied = tuple(item for item in others if _reaches(item, first))
    return Ranking(first, tied, tuple(item for item in others if item not in tied), unranked)


def _reaches(item: Outcome, first: Outcome) -> bool:
    return item.test.high is not None and first.test.low is not None and item.test.high >= first.test.low


def _outcome(rows: pl.DataFrame, names: Mapping[str, str], epochs: int) -> Outcome:
    not_finite = pl.any_horizontal(~pl.col("train_loss", "test_loss").is_finite().fill_null(value=True))
    runs = rows.group_by("seed", maintain_order=True).agg(
        last=pl.col("epoch").max(), diverged=pl.col("epoch").filter(not_finite).min()
    )
    ended = runs.filter((pl.col("last") >= epochs) | pl.col("diverged").is_not_null())
    chosen = ended if ended.height else runs
    epoch = epochs if ended.height else int(chosen["last"].min() or 0)  # pyright: ignore[reportArgumentType]
    diverged = chosen.filter(pl.col("diverged").is_not_null())
    kept = rows.filter(pl.col("seed").is_in(chosen["seed"].implode()) & (pl.col("epoch") <= epoch))
    judged = kept.filter(pl.col("epoch") == epoch).sort("seed")
    left_out = runs.join(chosen, on="seed", how="anti")
    return Outcome(
        method=rows["method"][0],
        name=names[rows["method"][0]],
        epoch=epoch,
        complete=bool(ended.height),
        seeds=tuple(sorted(chosen["seed"])),
        rows=kept,
        unfinished=tuple(sorted(left_out.select("seed", "last").rows())),
        diverged=tuple(sorted(diverged.select("seed", "diverged").rows())),
        train=_mean(judged, "train_accuracy", diverged.height),
        test=_mean(judged, "test_accuracy", diverged.height),
        values=tuple(100 * value for value in judged["test_accuracy"] if value is not None),
    )


def _mean(judged: pl.DataFrame, column: str, num_diverged: int) -> Mean:
    """Over the seeds; no mean where some diverged, since one over the survivors would flatter the method."""
    values = judged.select("method", pl.col(column) * 100)
    row = over_seeds(values, column, by=["method"]).rows(named=True)
    if num_diverged or not row:
        return Mean(judged.height, None, None, None)
    n, mean, low, high = (row[0][name] for name in ("n", "mean", "low", "high"))
    if values[column].drop_nulls().n_unique() == 1:
        low = high = None
    return Mean(n, mean, None if low is None else max(low, 0.0), None if high is None else min(high, 100.0))
