"""Who finds the global minimum: methods tuned again and again at equal budgets."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from scipy import stats

from underdamped.studies.reporting.landscapes.words import (
    Apart,
    listed,
    more_less_none,
    names_of,
    of,
    percent,
    verdict,
)
from underdamped.studies.reporting.marks import Estimate
from underdamped.studies.reporting.plots import Panel, looks
from underdamped.studies.reporting.report import Picture, Section, Table

LOST, KEPT, NONE, YARDSTICK = "dmSGMP", "momentum", "SGD", "gradient descent"
_PAIRS = [(LOST, KEPT), (LOST, NONE), (KEPT, NONE), (LOST, "Adam"), (LOST, "SGHMC"),
          ("momentum, falling rate", "SGD, falling rate")]  # fmt: skip


class _Share(NamedTuple):
    """A method on a landscape: its share in each tuning, their mean, and a 95 % interval, or None without one."""

    values: list[float]
    mean: float
    low: float | None
    high: float | None


def answer(records: pl.DataFrame) -> list[str]:
    """The question answered, in a sentence."""
    rows = of(records, "comparison")
    problems = names_of(rows, "problem")
    if not problems:
        return []
    if _tunings(rows) == 1:
        return [
            "Does losing momentum help to find the global minimum? No order of methods is claimed: each was tuned "
            "once, and another tuning may choose other settings and turn the order round."
        ]
    sentences = []
    for other, words in ((KEPT, "keeping it"), (NONE, "having none (SGD)"), ("Adam", "Adam")):
        gaps = [(name, _apart(rows, name, LOST, other)) for name in problems]
        sentences.append(f"{words}: {verdict(*more_less_none(gaps))}")
    return [
        "Does losing momentum help to find the global minimum? Tuned alike and at equal budgets of gradients, dmSGMP "
        "(mass that is lost) ends in the global basin, compared with "
        + ". Compared with ".join(sentences)
        + f". (Intervals over {_tunings(rows)} tunings of every method.)"
    ]


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section | None:
    """Shares of all methods on all landscapes, and what may be ranked."""
    rows = of(records, "comparison")
    problems = names_of(rows, "problem")
    if not problems:
        return None
    methods, tunings = names_of(rows, "series"), _tunings(rows)
    look = looks(methods)
    panels = [
        Panel(name, "share of runs in the global basin", "",
              [Estimate(m, look[m], s.values if len(s.values) > 1 else [], s.mean, s.low, s.high)
               for m in methods for s in [_share(rows, name, m)]], size=(4.6, 0.9 + 0.42 * len(methods)))
        for name in problems
    ]  # fmt: skip
    judged = rows.filter(pl.col("series") != YARDSTICK)["runs"].max()
    budget = config.get("gradients", "the same number of")
    shown = (
        f"All of that was done {tunings} times, with other settings to try and other runs."
        if tunings > 1
        else "That was done once: the intervals cover the runs of the settings chosen, not what tuning chose, and no "
        "order of methods follows from them."
    )
    intervals = (
        f"Dots are single tunings, strokes their means, with 95 % t-intervals over the {tunings} tunings, none "
        "where all of them are alike"
        if tunings > 1
        else "95 % Wilson intervals, of the settings chosen"
    )
    return Section(
        "Who finds the global minimum",
        [
            f"Every run starts at rest, uniformly in a box, and may use {budget} gradients of single components. Every "
            f"method was tuned over {config.get('settings', 'equally many')} settings, spread evenly over the "
            f"logarithms of its ranges, with {config.get('tuning_runs', 'equally many')} runs each, and the best "
            f"setting judged by {judged:,} fresh runs. {shown} After its last step a run is led on by noiseless "
            "gradient descent: that says in whose basin it has ended. “momentum” is classical momentum and, step for "
            "step, hSGMP at a constant mass; the yardstick “gradient descent” has neither noise nor momentum and so "
            f"stays in the basin of its start. {_parameters(rows)}",
            Picture(
                "comparison",
                panels,
                f"Share of runs that end in the basin of a global minimiser. {intervals} (Wilson’s of all starts for "
                "gradient descent). Each landscape has an axis of its own.",
            ),
            *([_differences(rows, problems)] if tunings > 1 else []),
            _settings(rows, problems, methods),
        ],
    )


def best(records: pl.DataFrame) -> pl.DataFrame:
    """A small table for the terminal: landscape, share of dmSGMP, momentum and SGD."""
    rows = of(records, "comparison")
    return pl.DataFrame(
        [[name, *(percent(_share(rows, name, series).mean) for series in (YARDSTICK, NONE, KEPT, LOST, "Adam"))]
         for name in names_of(rows, "problem")],
        schema=["landscape", YARDSTICK, NONE, KEPT, LOST, "Adam"], orient="row",
    )  # fmt: skip


def _differences(rows: pl.DataFrame, problems: list[str]) -> Table:
    cells = [[name, *(_cell(_apart(rows, name, a, b)) for a, b in _PAIRS)] for name in problems]
    return Table(
        ["landscape", *(f"{a} − {b}" for a, b in _PAIRS)],
        cells,
        f"Differences of shares in percentage points: means over {_tunings(rows)} tunings with t-intervals, at a level "
        f"at which all {_family(rows)} of this table hold together with 95 % (Bonferroni) if differences over tunings "
        "are about normal. Two methods are ranked only where the interval leaves out 0, marked by ●; the sentence at "
        "the top uses the same intervals.",
    )


def _parameters(rows: pl.DataFrame) -> str:
    """How many settings each method has: the more, the thinner the same number of tries is spread."""
    by_count: dict[int, list[str]] = {}
    for series, note in (
        rows.filter(pl.col("note").is_not_null()).unique("series", maintain_order=True)[["series", "note"]].rows()
    ):
        by_count.setdefault(note.count(",") + 1, []).append(series)
    told = [
        f"{number} for {listed([f'“{name}”' for name in names])}"  # in quotes, as names hold commas
        for number, names in sorted(by_count.items())
    ]
    return (
        f"Tuned parameters: {'; '.join(told)}. The same number of tries covers the ranges of more parameters less "
        "densely, which is to the disadvantage of methods that have more."
        if told
        else ""
    )


def _settings(rows: pl.DataFrame, problems: list[str], methods: list[str]) -> Table:
    tuned = [method for method in methods if method != YARDSTICK]
    cells = [[m, *(_rows(rows, name, m)["note"][0] or "–" for name in problems)] for m in tuned]
    return Table(
        ["method", *problems],
        cells,
        f"The settings chosen{' in the first tuning' if _tunings(rows) > 1 else ''}. step is h and lr is η, both times "
        "L, the largest curvature at points sampled from the box; lost is the share of the velocity that a step loses, "
        "1 − m/(m+αh), at the start; left is the share of the mass (dmSGMP) or of the rate (falling rate) at the end; "
        "temperature is in units of L, length (Adam) in those of the landscape.",
    )


def _share(rows: pl.DataFrame, problem: str, series: str) -> _Share:
    found = _rows(rows, problem, series)
    values = found["value"].to_list()
    if len(values) == 1:
        return _Share(values, values[0], found["low"][0], found["high"][0])
    if np.ptp(values) == 0:  # no spread is seen, which does not say that there is none
        return _Share(values, values[0], None, None)
    mean, margin = _mean(values, 0.95)
    return _Share(values, mean, max(mean - margin, 0.0), min(mean + margin, 1.0))


def _apart(rows: pl.DataFrame, problem: str, first: str, second: str) -> Apart:
    """Mean difference over tunings, with one of all the intervals that hold together.

    No interval from one tuning, nor where all differences are alike: they are too coarse then to show any spread.
    """
    one, other = (_rows(rows, problem, series)["value"].to_numpy() for series in (first, second))
    gaps = one - other
    if len(gaps) == 1 or np.ptp(gaps) == 0:
        return Apart(float(gaps.mean()), float("nan"), float("nan"))
    mean, margin = _mean(gaps, 1 - 0.05 / _family(rows))
    return Apart(mean, mean - margin, mean + margin)


def _mean(values: Sequence[float] | np.ndarray, confidence: float) -> tuple[float, float]:
    """Mean and half of its t-interval."""
    quantile = stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(np.mean(values)), float(quantile * np.std(values, ddof=1) / len(values) ** 0.5)


def _family(rows: pl.DataFrame) -> int:
    """All comparisons of the table: one family, of which the sentence at the top takes some."""
    return len(names_of(rows, "problem")) * len(_PAIRS)


def _tunings(rows: pl.DataFrame) -> int:
    return rows.filter(pl.col("series") == LOST)["x"].n_unique()


def _cell(gap: Apart) -> str:
    if np.isnan(gap.low):
        return f"{100 * gap.difference:+.1f}".replace("-", "−")
    mark = " ●" if gap.is_clear else ""
    text = f"{100 * gap.difference:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]{mark}"
    return text.replace("-", "−")


def _rows(rows: pl.DataFrame, problem: str, series: str) -> pl.DataFrame:
    return rows.filter((pl.col("problem") == problem) & (pl.col("series") == series)).sort("x")
