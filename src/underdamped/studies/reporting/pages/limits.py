"""The page of the limits study: what each theorem predicts, what was measured, and whether they agree."""

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.report import Page, Section, Table
from underdamped.studies.reporting.theorems import (
    corollary19,
    instability,
    longrun,
    lyapunov,
    spread,
    theorem5,
    theorem6,
    theorem15,
)
from underdamped.studies.reporting.theorems.verdicts import AGREES, DIFFERS, UNDECIDED, Judgement, judgements

SECTIONS: dict[str, tuple[str, Callable[[pl.DataFrame, Mapping[str, Any]], Section]]] = {
    "theorem5": ("Theorem 5", theorem5.section),
    "theorem6": ("Theorem 6", theorem6.section),
    "theorem15": ("Theorem 15", theorem15.section),
    "lyapunov": ("Prop. 22, Lemma 32", lyapunov.section),
    "longrun": ("Long run: forgetting", longrun.section),
    "spread": ("Long run: spread", spread.section),
    "instability": ("Random switching", instability.section),
    "corollary19": ("Thm 18, Cor. 19", corollary19.section),
}
"""Of each experiment: its name in the paper, and its section of the page from its rows."""

_QUADRATIC_ALONE = ("spread", "instability")
"""Experiments that need exact moments."""
_KINDS = (AGREES, DIFFERS, UNDECIDED)
_WORST_FIRST = (DIFFERS, UNDECIDED, AGREES)

_CAPTION = (
    "Of each theorem and problem the comparison with the worst verdict (of several the first), and how many of all "
    "agree; the rest stands under the figures. A comparison agrees if its whole 95 % interval lies in the range that "
    "counts as agreement, and disagrees if none of it does; otherwise, and with too few paths, there is no verdict. "
    "Intervals cover the chance in the index paths only."
)


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the limits study as a page.

    Args:
        records: Columns as in ``theorems.rows.SCHEMA``; experiments not recorded yet are left out.
        config: The configuration.
        environment: Where it ran; not looked at.

    Returns:
        The page: all verdicts in a table, then a section for each theorem.
    """
    del environment
    found = [(name, records.filter(pl.col("experiment") == name)) for name in SECTIONS]
    there = [(name, rows) for name, rows in found if not rows.is_empty()]
    return Page(
        title="Losing momentum, losing subsampling: every theorem measured",
        lead=[text for text in (_lead(records), _missing(records, config)) if text],
        sections=[
            Section("Verdicts", [_verdicts(records)]),
            *(SECTIONS[name][1](rows, config) for name, rows in there),
        ],
    )


def summary(records: pl.DataFrame) -> pl.DataFrame:
    """How many comparisons agree, as a small table for the terminal; the report has each of them.

    Args:
        records: As for ``page``.

    Returns:
        One row for each theorem and problem: ``theorem``, ``problem``, and how many comparisons ``agree``,
        ``disagree`` and are ``undecided``.
    """
    counts: dict[tuple[str, str], list[int]] = {}
    for one in judgements(records):
        counts.setdefault((_title(one.experiment), one.problem), [0, 0, 0])[_KINDS.index(one.kind)] += 1
    schema = {"theorem": pl.String, "problem": pl.String} | dict.fromkeys(["agree", "disagree", "undecided"], pl.Int64)
    return pl.DataFrame([(*key, *numbers) for key, numbers in counts.items()], schema=schema, orient="row")


def _verdicts(records: pl.DataFrame) -> Table:
    groups: dict[tuple[str, str], list[Judgement]] = {}
    for one in judgements(records):
        groups.setdefault((one.experiment, one.problem), []).append(one)
    rows = []
    for (experiment, problem), group in groups.items():
        worst, agreeing = min(group, key=lambda one: _WORST_FIRST.index(one.kind)), sum(one.agrees for one in group)
        name = f"{_title(experiment)}, {problem}\n{worst.what}; {worst.series}"
        rows.append([name, worst.measurement, worst.prediction, f"{agreeing} of {len(group)}", worst.verdict])
    return Table(["theorem", "measured [95 % interval]", "predicted", "agree", "verdict"], rows, _CAPTION)


def _lead(records: pl.DataFrame) -> str:
    outcomes = [one.kind for one in judgements(records)]
    if not outcomes:
        return "Nothing has been compared with theory yet."
    agreeing = outcomes.count(AGREES)
    if agreeing == len(outcomes):
        return f"All {agreeing} comparisons of a measurement with theory agree."
    differing = outcomes.count(DIFFERS)
    undecided = len(outcomes) - agreeing - differing
    parts = [f"{agreeing} agree{'s' if agreeing == 1 else ''}"]
    parts += [f"{differing} {'does' if differing == 1 else 'do'} not"] if differing else []
    parts += [f"{undecided} cannot be decided with ensembles of this size"] if undecided else []
    said = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    return f"Of {len(outcomes)} comparisons of a measurement with theory, {said}."


def _missing(records: pl.DataFrame, config: Mapping[str, Any]) -> str:
    """What was asked for and is not recorded yet."""
    there = set(records.select("experiment", "problem").unique().iter_rows())
    asked = [
        (name, problem)
        for name in (config.get("experiments") or list(SECTIONS))
        for problem in config.get("problems", ())
        if problem == "quadratic" or name not in _QUADRATIC_ALONE
    ]
    missing = [f"{_title(name)} ({problem})" for name, problem in asked if (name, problem) not in there]
    return f"The run is not finished: {'; '.join(missing)} not recorded yet." if missing else ""


def _title(experiment: str) -> str:
    return SECTIONS[experiment][0] if experiment in SECTIONS else experiment
