"""Who finds the global minimum: tuned methods at equal budgets."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.landscapes.words import (
    Apart,
    apart,
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


def answer(records: pl.DataFrame) -> list[str]:
    """The question answered, in sentences."""
    rows = of(records, "comparison")
    problems = names_of(rows, "problem")
    if not problems:
        return []
    against = [KEPT, NONE, "Adam"]
    comparisons = _family(rows)
    sentences = []
    for other, words in zip(against, ("keeping it", "having none (SGD)", "Adam"), strict=True):
        gaps = [(name, apart(_row(rows, name, LOST), _row(rows, name, other), comparisons)) for name in problems]
        sentences.append(f"{words}: {verdict(*more_less_none(gaps))}")
    return [
        "Does losing momentum help to find the global minimum? Tuned alike and at equal budgets of gradients, dmSGMP "
        "(mass that is lost) ends in the global basin, compared with " + ". Compared with ".join(sentences) + ".",
        _winners(rows, problems),
    ]


def _winners(rows: pl.DataFrame, problems: list[str]) -> str:
    """Where one method is clearly ahead of all others."""
    methods = [name for name in names_of(rows, "series") if name != YARDSTICK]
    number = _family(rows)
    ahead = []
    for name in problems:
        first, *others = sorted((_row(rows, name, m) for m in methods), key=lambda row: -row["value"])
        if all(apart(first, other, number).is_clear for other in others):
            ahead.append(f"{first['series']} on {name} ({percent(first['value'])})")
    if not ahead:
        return f"On none of the {len(problems)} landscapes is one method clearly ahead of all others."
    rest = len(problems) - len(ahead)
    tail = f"; on the {rest} others no method is" if rest > 1 else "; on the other no method is" if rest else ""
    return f"Clearly ahead of all others: {listed(ahead)}{tail}."


def section(records: pl.DataFrame, config: Mapping[str, Any]) -> Section | None:
    """Shares of all methods on all landscapes, and what may be ranked."""
    rows = of(records, "comparison")
    problems = names_of(rows, "problem")
    if not problems:
        return None
    methods = names_of(rows, "series")
    look = looks(methods)
    panels = [
        Panel(name, "share of runs in the global basin", "",
              [Estimate(m, look[m], [], r["value"], r["low"], r["high"])
               for m in methods if (r := _row(rows, name, m))], size=(4.6, 0.9 + 0.42 * len(methods)))
        for name in problems
    ]  # fmt: skip
    runs = rows["runs"].max()
    budget = config.get("gradients", "the same number of")
    return Section(
        "Who finds the global minimum",
        [
            f"Every run starts at rest, uniformly in a box, and may use {budget} gradients of single components. Every "
            f"method was tuned over {config.get('settings', 'equally many')} settings, spread evenly over the "
            f"logarithms "
            f"of its ranges, with {config.get('tuning_runs', 'equally many')} runs each; shown is the best setting on "
            f"{runs:,} fresh runs. After its last step a run is led on by noiseless gradient descent: that says in "
            "whose basin it has ended. “momentum” is classical momentum and, step for step, hSGMP at a constant mass; "
            "the yardstick “gradient descent” has neither noise nor momentum and so stays in the basin of its start.",
            Picture(
                "comparison",
                panels,
                "Share of runs that end in the basin of a global minimiser, with 95 % Wilson intervals. Each landscape "
                "has an axis of its own.",
            ),
            _differences(rows, problems),
            _settings(rows, problems, methods),
        ],
    )


def _differences(rows: pl.DataFrame, problems: list[str]) -> Table:
    pairs = [(LOST, KEPT), (LOST, NONE), (KEPT, NONE), (LOST, "Adam"), (LOST, "SGHMC"),
             ("momentum, falling rate", "SGD, falling rate")]  # fmt: skip
    number = _family(rows)
    cells = [
        [name, *(_cell(apart(_row(rows, name, a), _row(rows, name, b), number)) for a, b in pairs)] for name in problems
    ]
    return Table(
        ["landscape", *(f"{a} − {b}" for a, b in pairs)],
        cells,
        "Differences of shares in percentage points with Newcombe’s interval, at a level at which the intervals of all "
        f"{number} pairs of methods on a landscape hold together with 95 % (Bonferroni). Two methods are ranked only "
        "where it leaves out 0, marked by ●; the sentences at the top use the same intervals.",
    )


def _family(rows: pl.DataFrame) -> int:
    """All pairs of methods on all landscapes: one family, so that no two statements contradict each other."""
    methods = len(names_of(rows, "series")) - 1  # the yardstick is ranked with nobody
    return len(names_of(rows, "problem")) * methods * (methods - 1) // 2


def _cell(gap: Apart) -> str:
    mark = " ●" if gap.is_clear else ""
    text = f"{100 * gap.difference:+.1f} [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]{mark}"
    return text.replace("-", "−")


def _settings(rows: pl.DataFrame, problems: list[str], methods: list[str]) -> Table:
    tuned = [method for method in methods if method != YARDSTICK]
    cells = [[m, *(_row(rows, name, m)["note"] or "–" for name in problems)] for m in tuned]
    return Table(
        ["method", *problems],
        cells,
        "The settings chosen. step is h and lr is η, both times L, the largest curvature in the box; lost is the "
        "share of "
        "the velocity that a step loses, 1 − m/(m+αh), at the start; left is the share of the mass (dmSGMP) or of "
        "the rate (falling rate) at the end; temperature is in units of L, length (Adam) in those of the landscape.",
    )


def _row(rows: pl.DataFrame, problem: str, series: str) -> dict[str, Any]:
    return rows.filter((pl.col("problem") == problem) & (pl.col("series") == series)).row(0, named=True)


def best(records: pl.DataFrame) -> pl.DataFrame:
    """A small table for the terminal: landscape, share of dmSGMP, momentum and SGD."""
    rows = of(records, "comparison")
    return pl.DataFrame(
        [[name, *(percent(_row(rows, name, series)["value"]) for series in (YARDSTICK, NONE, KEPT, LOST, "Adam"))]
         for name in names_of(rows, "problem")],
        schema=["landscape", YARDSTICK, NONE, KEPT, LOST, "Adam"], orient="row",
    )  # fmt: skip
