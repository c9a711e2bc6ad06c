"""Small things that all sections need: shares in words, lists in words, the looks of series."""

from collections.abc import Iterable, Sequence

import polars as pl

from underdamped.studies.reporting.proportions import Apart, newcombe


def percent(value: float) -> str:
    """A share for people: 12.3 %.

    Example:
        >>> percent(0.1234), percent(0.005)
        ('12.3 %', '0.5 %')
    """
    return f"{100 * value:.1f} %"


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counts(row: dict) -> tuple[int, int]:
    """Hits and runs of a row of the records."""
    return row["hits"], row["runs"]


def apart(first: dict, second: dict, comparisons: int) -> Apart:
    """Difference of two shares; its interval is one of ``comparisons`` that hold together with 95 % (Bonferroni)."""
    return newcombe(counts(first), counts(second), 1 - 0.05 / max(comparisons, 1))


def of(records: pl.DataFrame, experiment: str) -> pl.DataFrame:
    """The rows of one experiment."""
    return records.filter(pl.col("experiment") == experiment)


def names_of(records: pl.DataFrame, column: str) -> list[str]:
    """Different values of a column, in order of appearance."""
    return records[column].drop_nulls().unique(maintain_order=True).to_list()


def more_less_none(gaps: Iterable[tuple[str, Apart]]) -> tuple[list[str], list[str], list[str]]:
    """Where the first is clearly higher, clearly lower, and where nothing is clear."""
    more, less, none = [], [], []
    for name, gap in gaps:
        (none if not gap.is_clear else more if gap.difference > 0 else less).append(name)
    return more, less, none


def verdict(more: Sequence[str], less: Sequence[str], none: Sequence[str]) -> str:
    """As part of a sentence. Where nothing is clear is counted rather than listed, beyond two.

    Example:
        >>> verdict(["A"], [], ["B", "C"])
        'more often on A; no clear difference on B and C'
        >>> verdict([], ["A"], ["B", "C", "D"])
        'less often on A; no clear difference on the 3 other landscapes'
    """
    rest = f"any of the {len(none)} landscapes" if not more and not less else f"the {len(none)} other landscapes"
    unclear = rest if len(none) > 2 else listed(none)
    parts = [(more, "more often on", listed(more)), (less, "less often on", listed(less))]
    parts.append((none, "no clear difference on", unclear))
    return "; ".join(f"{words} {names}" for where, words, names in parts if where)
