"""The page of the functional study: the published table beside ours, readings of its text, and what momentum does."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting.functional_data import (
    DIVERGED,
    MassOutcome,
    ReadingOutcome,
    Row,
    compare_with_published,
    judge_masses,
    judge_readings,
    method_names,
)
from underdamped.studies.reporting.plots import Curve, Estimate, Look, Panel, looks
from underdamped.studies.reporting.report import Block, Page, Picture, Section, Table

_GREY = Look("#777777")


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the functional study as a page.

    Args:
        records: Columns as in the study's ``SCHEMA``; a run that was stopped is shown as far as it came.
        config: The configuration; ``steps`` and ``step_size`` decide whether the published table can be compared.
        environment: Where it ran; ``concerns``, if it is there, lists assumptions that are not met.

    Returns:
        The page: the table, readings, momentum.
    """
    rows = compare_with_published(records, config)
    sections = [Section("The published table", _table(rows))] if rows else []
    readings = judge_readings(records, rows)
    if readings:
        sections.append(Section("What the text leaves open", _readings(readings)))
    if rows:
        sections.append(Section("With momentum, and losing it", _momentum(records)))
    concerns = [str(each) for each in environment.get("concerns") or ()]
    if concerns:
        sections.append(Section("Assumptions", [f"{each}." for each in concerns]))
    lead = [_verdict(rows), *_masses_verdict(judge_masses(records))]
    return Page("Regression with functional data: where the index comes from, and momentum", lead, sections)


def summary(records: pl.DataFrame) -> pl.DataFrame:
    """The result as a small table for the terminal.

    Args:
        records: As for ``page``.

    Returns:
        One row an index process: final relative error in per cent, here and published, both mean ± sd.
    """
    rows = compare_with_published(records, {})
    cells = [[row.index, _percent(row.mean, row.sd), _percent(row.published, row.published_sd)] for row in rows]
    return pl.DataFrame(cells, schema=["index", "error here (%)", "published (%)"], orient="row")


def _verdict(rows: Sequence[Row]) -> str:
    if not rows:
        return "Nothing of the published table is measured yet."
    if rows[0].agrees is None:
        return "The published table is of 50,000 steps of 0.1; this run has others, and so gives no verdict on it."
    away = [row for row in rows if not row.agrees]
    if not away:
        farthest = max(rows, key=lambda row: abs(row.distance))
        return (
            f"The published table agrees: the mean final errors of all {len(rows)} index processes lie within two "
            f"published standard deviations of the published means; the farthest is {farthest.index}, "
            f"{_signed(farthest.distance)} standard deviations away."
        )
    listed = ", ".join(f"{row.index} ({_signed(row.distance)})" for row in away)
    return f"The published table does not agree: more than two published standard deviations away are {listed}."


def _masses_verdict(judged: Sequence[MassOutcome]) -> list[str]:
    """What masses do to the final error, constant and lost, in a sentence each."""
    found = []
    for those, name in (([each for each in judged if not each.is_lost], "Constant masses"),
                        ([each for each in judged if each.is_lost], "Masses that are lost")):  # fmt: skip
        cells = sum(len(each.cells) for each in those)
        if cells:
            lower, higher = sum(len(each.lower) for each in those), sum(len(each.higher) for each in those)
            found.append(
                f"{name} end with a lower error than no mass in {lower} of {cells} cases, with a higher one in "
                f"{higher}, and are not told apart from it in {cells - lower - higher}."
            )
    unstable = [f"{each.method} with {index}" for each in judged for index in each.unstable]
    if unstable:
        found.append(f"Mean-square unstable by their exact moments: {'; '.join(unstable)}.")
    return found


def _table(rows: Sequence[Row]) -> list[Block]:
    columns = ["index process", "here (%)", "published (%)", "difference in published sd", "root mean square (%)"]
    columns += ["exact (%)", "verdict"]
    cells = [
        [
            row.index,
            _percent(row.mean, row.sd),
            _percent(row.published, row.published_sd),
            _signed(row.distance) if row.mean < DIVERGED else "–",
            _percent(row.root_mean_square, row.margin),
            "–" if row.exact is None or not row.exact < DIVERGED else f"{100 * row.exact:.2f}",
            {True: "agrees", False: "does not agree", None: "no verdict"}[row.agrees],
        ]
        for row in rows
    ]
    caption = (
        "Final relative error |θ − θ*|/|θ*| of the coefficients, mean ± standard deviation over runs. A row agrees if "
        "our mean lies within two published standard deviations of the published one. That is a wide gate: it asks "
        "whether the experiment is the same, not whether the two means are equal up to chance. “exact” is the "
        "stationary root mean square from the moment equations of the scheme, where the index is redrawn "
        "independently; the measured one beside it, with half of its 95 % interval, must agree with it up to chance."
    )
    look = looks([row.index for row in rows])
    floor = 100 * min(value for row in rows for value in (*row.values, row.published) if value < DIVERGED) / 2
    estimates = []
    for row in rows:
        if row.mean < DIVERGED:
            ours = [100 * value for value in row.values]
            ends = (None, None) if row.low is None or row.high is None else (100 * row.low, 100 * row.high)
            estimates.append(Estimate(row.index, look[row.index], ours, 100 * row.mean, *ends))
        else:
            estimates.append(Estimate(f"{row.index}: diverges", look[row.index], []))
        low = max(100 * (row.published - 2 * row.published_sd), floor)
        high = 100 * (row.published + 2 * row.published_sd)
        estimates.append(Estimate("published", _GREY, [], 100 * row.published, low, high))
    panel = Panel(
        "Final relative error", "relative error (%)", "", estimates, "log", size=(4.6, 0.9 + 0.42 * len(estimates))
    )
    drawn = (
        "Colours: single runs, their mean (upright stroke) and its 95 % t-interval. Grey: published mean, and two "
        "published standard deviations to each side, cut off on the left where they reach below what is drawn. "
        "Logarithmic abscissa."
    )
    return [Table(columns, cells, caption), Picture("published", [panel], drawn)]


def _readings(readings: Sequence[ReadingOutcome]) -> list[Block]:
    indices = list(readings[0].means)
    cells = [
        [
            reading.name,
            f"{reading.within} of {len(indices)}",
            reading.worst,
            *(_number(reading.means[i]) for i in indices),
        ]
        for reading in readings
    ]
    caption = (
        "Mean final relative error in per cent in each reading, all else as in the first row; “within” counts the rows "
        "within two published standard deviations of the published means. A mean beyond 1000 % is said to diverge."
    )
    return [
        "A step h = 0.1 and an index step of 0.01 are given. How the two clocks are tied, how the polynomials are "
        "normalised, whether the step is explicit, how the diffusion is reflected and which noise was drawn is not "
        "known to us. Each reading was run.",
        Table(["reading", "within", "farthest row", *indices], cells, caption),
        _readings_verdict(readings),
    ]


def _readings_verdict(readings: Sequence[ReadingOutcome]) -> str:
    """Which readings the published table leaves standing."""
    number = len(readings[0].means)
    standing = [reading for reading in readings if reading.within == number]
    excluded = [f"{reading.name} ({reading.within} of {number})" for reading in readings if reading.within < number]
    text = (
        f"All {number} rows are within two published standard deviations in {len(standing)} of {len(readings)} readings"
    )
    text += f"; excluded: {'; '.join(excluded)}." if excluded else "readings."
    if standing:
        nearest = min(standing, key=lambda reading: reading.distance)
        text += f" Nearest is “{nearest.name}”: its farthest row is {nearest.worst}."
    return text


def _momentum(records: pl.DataFrame) -> list[Block]:
    judged = judge_masses(records)
    indices = list(judged[0].cells) if judged else []
    blocks: list[Block] = []
    if judged:
        caption = (
            "Mean final relative error in per cent. ▼ lower and ▲ higher than without mass on the same index paths "
            "(by more than 1 %, and the 95 % t-interval of the paired differences excludes 0; of many such intervals "
            "some do by chance). A mean beyond 1000 % is said to diverge. × "
            "marks a mass with which the scheme is mean-square unstable by its exact moments, which are known where "
            "the index is redrawn independently: the mean square grows by the factor beside it from one redraw to the "
            "next."
        )
        blocks.append(Table(["method", *indices], [[each.method, *each.cells.values()] for each in judged], caption))
    blocks.append(_errors(records))
    blocks += _coupled(records)
    return blocks


def _errors(records: pl.DataFrame) -> Picture:
    methods = method_names(records)
    look = looks(methods)
    panels = []
    for index in records.filter(pl.col("quantity") == "published mean")["series"]:
        curves = [_curve(method, look[method], _select(records, "error", index, method)) for method in methods]
        panels.append(Panel(index, "time t = hn", "|θ − θ*|/|θ*|", curves, "log", "log"))
    caption = (
        f"Relative error against time, means over runs with 95 % t-intervals. Logarithmic axes. Above {DIVERGED:g} "
        "nothing is drawn: a curve that stays there ends in a cross, one that comes back has a gap."
    )
    return Picture("errors", panels, caption)


def _coupled(records: pl.DataFrame) -> list[Picture]:
    lost = [method for method in method_names(records) if method.startswith("dmSGMP")]
    indices = list(records.filter(pl.col("quantity") == "published mean")["series"])
    look = looks(indices)
    panels = [
        Panel(
            method,
            "time t = hn",
            "|q − θ|/|θ*|",
            [_curve(index, look[index], _select(records, "distance to SGP", index, method)) for index in indices],
            "log",
            "log",
        )
        for method in lost
    ]
    caption = (
        "Distance of the process that loses its mass to the one without, on the same index path: Theorem 15 says that "
        "it goes to 0. Means over runs with 95 % t-intervals; logarithmic axes."
    )
    return [Picture("coupled", panels, caption)] if panels else []


def _select(records: pl.DataFrame, quantity: str, index: str, method: str) -> pl.DataFrame:
    where = (pl.col("quantity") == quantity) & (pl.col("series") == index) & (pl.col("method") == method)
    return records.filter(where).sort("x")


def _curve(label: str, look: Any, points: pl.DataFrame) -> Curve:
    x, y, low, high = (points[name].to_numpy() for name in ("x", "value", "low", "high"))
    low = np.maximum(low, y / 10)  # a log axis has no place for less than 0
    beyond = ~(y <= DIVERGED)
    y, low, high = (np.where(beyond, np.nan, each) for each in (y, low, np.minimum(high, DIVERGED)))
    return Curve(label, look, x, y, low, high, broken=bool(beyond[-1]))


def _percent(mean: float, sd: float) -> str:
    return f"{100 * mean:.2f} ± {100 * sd:.2f}" if mean < DIVERGED else "diverges"


def _number(value: float) -> str:
    return f"{100 * value:.2f}" if value < DIVERGED else "diverges"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
