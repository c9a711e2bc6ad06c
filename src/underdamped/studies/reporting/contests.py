"""Who ends lower: wins, ties and losses between methods, read off intervals that overlap or do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Result: TypeAlias = Literal["wins", "ties", "loses"]


@dataclass(frozen=True)
class Standing:
    """Where one method ended; less is better.

    Attributes:
        name: the method.
        mean: over repetitions; not finite if a repetition diverged.
        low: lower end of its 95 % interval, or None.
        high: upper end of its 95 % interval, or None.
        values: of the single repetitions.
        limit: value beyond which a repetition counts as diverged.
    """

    name: str
    mean: float
    low: float | None
    high: float | None
    values: tuple[float, ...]
    limit: float = np.inf

    @property
    def diverged(self) -> int:
        """How many repetitions ended beyond the limit, or out of the range of numbers."""
        values = np.asarray(self.values, float)
        return int((~(np.isfinite(values) & (values <= self.limit))).sum())


def divergence_limit(records: pl.DataFrame, quantity: str) -> float:
    """A thousand times the least first value of any method: what is beyond has diverged, finite or not."""
    rows = records.filter((pl.col("quantity") == quantity) & pl.col("value").is_finite())
    first = rows.filter(pl.col("x") == rows["x"].min())["value"]
    return 1000.0 * float(first.min()) if len(first) else np.inf  # pyright: ignore[reportArgumentType]


def standings(records: pl.DataFrame, quantity: str) -> list[Standing]:
    """Where the methods in ``records`` ended.

    Args:
        records: rows of one experiment in one setting: ``quantity`` along x, with intervals, and ``final quantity`` of
            the single repetitions.
        quantity: what is compared.

    Returns:
        One standing a method, in the order of the records.
    """
    found, limit = [], divergence_limit(records, quantity)
    for rows in records.filter(pl.col("quantity") == quantity).partition_by("series", maintain_order=True):
        last = rows.sort("x", maintain_order=True).row(-1, named=True)
        single = records.filter((pl.col("series") == last["series"]) & (pl.col("quantity") == f"final {quantity}"))
        found.append(Standing(last["series"], last["value"], last["low"], last["high"], tuple(single["value"]), limit))
    return found


def result(ours: Standing, other: Standing) -> Result | None:
    """What the intervals say of two methods; None where one of them has neither an interval nor diverged.

    A method that diverged loses against one that did not. Intervals that overlap can still belong to means that
    differ: the rule is cautious.

    Example:
        >>> result(Standing("a", 1.0, 0.9, 1.1, ()), Standing("b", 2.0, 1.8, 2.2, ()))
        'wins'
    """
    if ours.diverged or other.diverged:
        if ours.diverged and other.diverged:
            return "ties"
        return "loses" if ours.diverged else "wins"
    if ours.low is None or ours.high is None or other.low is None or other.high is None:
        return None
    if ours.high < other.low:
        return "wins"
    return "loses" if ours.low > other.high else "ties"


def contest(ours: Standing, others: Sequence[Standing]) -> str:
    """One method against several, in words: "wins against A, ties with B and C, loses to D".

    Example:
        >>> a, b = Standing("a", 1.0, 0.9, 1.1, ()), Standing("b", 1.1, 1.0, 1.2, ())
        >>> contest(a, [b])
        'a ties with b'
    """
    words: dict[Result, str] = {"wins": "wins against", "ties": "ties with", "loses": "loses to"}
    results = [result(ours, other) for other in others]
    parts = []
    for kind, verb in words.items():
        names = [other.name for other, each in zip(others, results, strict=True) if each == kind]
        if names:
            parts.append(f"{verb} {listed(names)}")
    return f"{ours.name} {', '.join(parts)}" if parts else f"{ours.name} has no interval to be ranked by"


def listed(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def figures(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """A number with its interval, to three figures.

    Example:
        >>> figures(0.012345, 0.01, 0.015)
        '0.0123 [0.0100, 0.0150]'
    """
    shown = "–" if value is None else _number(value) if np.isfinite(value) else "diverged"
    return shown if low is None or high is None else f"{shown} [{_number(low)}, {_number(high)}]"


def in_units(items: Sequence[Standing]) -> tuple[str, list[str]]:
    """Means with intervals in a common power of ten, which heads the column; empty where none is needed.

    Example:
        >>> in_units([Standing("a", 0.0012, 0.0011, 0.0013, ()), Standing("b", 0.012, 0.011, 0.013, ())])
        ('10⁻³', ['1.20 [1.10, 1.30]', '12.0 [11.0, 13.0]'])
    """
    means = [item.mean for item in items if not item.diverged and item.mean > 0]
    exponent = int(np.floor(np.log10(min(means)))) if means and min(means) < 0.1 else 0
    scale = 10.0**-exponent
    shown = []
    for item in items:
        ends = [None if end is None else end * scale for end in (item.low, item.high)]
        gone = f"diverged ({item.diverged} of {len(item.values)})"
        shown.append(gone if item.diverged else figures(item.mean * scale, *ends))
    return (f"10{str(exponent).translate(_SUPERSCRIPTS)}" if exponent else ""), shown


def _number(value: float) -> str:
    if value != 0 and not 1e-4 <= abs(value) < 1e5:
        return f"{value:.2e}".replace("e-0", "e-").replace("-", "−")
    return f"{value:#.3g}".rstrip(".").replace("-", "−")
