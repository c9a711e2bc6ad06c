"""The page of the escape study: Figs. 1, 2 and 4, exact boundaries beside them, and what subsampling does there."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.false_minimum import maps, paths
from underdamped.studies.reporting.false_minimum.tables import Verdict, counted, listed
from underdamped.studies.reporting.report import Page, Section, Table


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the escape study as a page.

    Args:
        records: Columns as ``false_minimum.rows`` has them; a run that was stopped is shown as far as it came.
        config: The configuration.
        environment: Where it ran; not looked at.

    Returns:
        The page: what agrees, the figures, the maps under subsampling.
    """
    del environment
    found, there = verdicts(records), set(records["experiment"])
    rows = [[f"{v.what}\n{v.predicted}", v.measured, v.verdict] for v in found]
    table = Table(["what, and what is predicted", "measured", "verdict"], rows, "Computed from the records.")
    sections = [Section("Measured beside predicted", [table])]
    if "assumptions" in there:
        concerns = records.filter(pl.col("experiment") == "assumptions")["series"].to_list()
        sections.append(Section("Assumptions that are not met", concerns))
    if "figure 1" in there:
        sections.append(paths.figure_1(records))
    if "figure 2" in there:
        sections.append(paths.figure_2(records))
    if maps.bounds(records):
        sections.append(maps.figure_4(records))
    if maps.rates(records):
        sections.append(
            maps.subsampling(records, int(config["paths"]), float(config["duration"]), float(config["step"]))
        )
    lead = [maps.what_the_scheme_does(records), maps.what_subsampling_does(records, float(config["duration"]))]
    lead += [_agreement(found), _missing(records, config)]
    return Page("A false minimiser, and who passes it", [text for text in lead if text], sections)


def summary(records: pl.DataFrame) -> pl.DataFrame:
    """The verdicts as a small table for the terminal.

    Args:
        records: As for ``page``.

    Returns:
        One row a verdict: ``what``, ``predicted``, ``measured``, ``verdict``.
    """
    schema = dict.fromkeys(Verdict._fields, pl.String)
    return pl.DataFrame([list(verdict) for verdict in verdicts(records)], schema=schema, orient="row")


def verdicts(records: pl.DataFrame) -> list[Verdict]:
    """Everything that is predicted, beside what was measured.

    Args:
        records: As for ``page``.

    Returns:
        One verdict a prediction, of what is recorded.
    """
    there = set(records["experiment"])
    found = [paths.verdict_1(records)] if "figure 1" in there else []
    found += [paths.verdict_2(records)] if "figure 2" in there else []
    return found + maps.verdicts_4(records) + maps.verdicts_of_subsampling(records)


def _agreement(found: list[Verdict]) -> str:
    open_ones = [verdict.what for verdict in found if verdict.verdict.startswith("no verdict")]
    off = [verdict.what for verdict in found if verdict.verdict != "agrees" and verdict.what not in open_ones]
    number = counted(len(found) - len(off) - len(open_ones), "prediction agrees", "predictions agree")
    if not off and not open_ones:
        return f"All {len(found)} predictions agree with what was measured."
    words = f"{number} with what was measured"
    words += f"; {len(off)} {'does' if len(off) == 1 else 'do'} not: {listed(off)}" if off else ""
    return words + (f"; there is no verdict on {len(open_ones)}: {listed(open_ones)}" if open_ones else "") + "."


def _missing(records: pl.DataFrame, config: Mapping[str, Any]) -> str:
    """What was asked for and is not recorded yet."""
    asked = ["assumptions", "figure 1", "figure 2"]
    asked += [f"figure 4, L = {bound:g}" for bound in config.get("bounds", ())]
    asked += [f"subsampling, rate {rate:g}" for rate in config.get("rates", ())]
    missing = [name for name in asked if name not in set(records["experiment"])]
    return f"The run is not finished: {listed(missing)} not recorded yet." if missing else ""
