"""The page of the images study: Figs. 7 and 8 and Table 1 from its records, with intervals over seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from underdamped.studies.reporting.curves import coefficients, final_accuracy, learning_curves
from underdamped.studies.reporting.findings import findings, notes, percent, reservations
from underdamped.studies.reporting.outcomes import Outcome, family, outcomes, parameters
from underdamped.studies.reporting.report import Page, Section, Table

_TABLE_CAPTION = (
    "Accuracies are means over seeds [with their 95 % t-intervals, within 0 and 100], which cover the chance in the "
    "starting weights, batches and augmentation, not the choice of test images. “train” is the running average over "
    "the last epoch's augmented batches, with drop-out on, as the network changed; it is not the accuracy of the final "
    "network. The momentum factor m/(m+αh) is the share of the velocity that a step keeps; the effective learning rate "
    "is h/α, and η/(1−ρ) for classical momentum. Arrows go from the first epoch to the last."
)


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the images study as a page.

    Args:
        records: One row per method, seed and epoch; a run that was stopped or diverged is shown as far as it came.
        config: The configuration; ``data``, ``seeds`` and ``epochs`` are looked at, any may be missing.
        environment: Where it ran; ``methods``, if it is there, names all that were asked for.

    Returns:
        The page: what was found, the table, learning curves, what the optimisers did, and what to notice.
    """
    judged = outcomes(records, _epochs(records, config))
    remarks = notes(judged)
    return Page(
        title=f"Training a convolutional network{_on_data(config)}: SGD, momentum, and momentum that is lost",
        lead=[
            text for text in (findings(judged), reservations(judged, config, environment.get("methods") or ())) if text
        ],
        sections=[
            Section("Final accuracy", [_table(judged), *final_accuracy(judged)]),
            Section("Learning curves", learning_curves(judged)),
            Section("What the optimisers did", [coefficients(judged)]),
            *([Section("What to notice", remarks)] if remarks else []),
        ],
    )


def summary(records: pl.DataFrame, epochs: int | None = None) -> pl.DataFrame:
    """The result as a small table for the terminal.

    Args:
        records: As for ``page``.
        epochs: Last epoch asked for; the last one recorded when left out.

    Returns:
        One row a method: ``method``, ``seeds`` (that the numbers rest on), ``train %`` and ``test %`` (means, rounded
        to 0.01, null where a seed diverged) and ``95 % t-interval`` of the latter, or why there is none.
    """
    judged = outcomes(records, _epochs(records, {"epochs": epochs}))
    schema = {"method": pl.String, "seeds": pl.Int64, "train %": pl.Float64, "test %": pl.Float64}
    return pl.DataFrame(
        [[o.name, len(o.seeds), _rounded(o.train.mean), _rounded(o.test.mean), _interval(o)] for o in judged],
        schema=schema | {"95 % t-interval": pl.String},
        orient="row",
    )


def _epochs(records: pl.DataFrame, config: Mapping[str, Any]) -> int:
    asked = config.get("epochs")
    return asked if isinstance(asked, int) else int(records["epoch"].max())  # pyright: ignore[reportArgumentType]


def _on_data(config: Mapping[str, Any]) -> str:
    """The data set in words; of a folder its name."""
    data = config.get("data")
    return f" on {Path(data).name}" if isinstance(data, str | Path) and str(data) else ""


def _table(judged: Sequence[Outcome]) -> Table:
    rows = []
    for outcome in judged:
        ordered = outcome.rows.sort("epoch")
        total = outcome.rows.group_by("seed").agg(pl.col("seconds").sum())["seconds"].mean()
        rows.append(
            [
                f"{family(outcome.method)}\n{parameters(outcome.method)}".strip(),
                percent(outcome.test, outcome),
                percent(outcome.train, outcome),
                str(len(outcome.seeds)),
                _start_and_end(ordered["decay"]),
                _start_and_end(ordered["effective_lr"]),
                "–" if total is None else f"{total:,.3g}",
            ]
        )
    columns = ["method", "test %", "train %", "seeds", "momentum factor", "effective lr", "seconds a seed"]
    return Table(columns, rows, _TABLE_CAPTION)


def _interval(outcome: Outcome) -> str:
    if outcome.diverged:
        return "; ".join(f"diverged at epoch {epoch} (seed {seed})" for seed, epoch in outcome.diverged)
    if not outcome.complete:
        return f"stopped at epoch {outcome.epoch}"
    if outcome.test.alike:
        return "none: all seeds alike"
    if outcome.test.low is None or outcome.test.high is None:
        return "none from one seed"
    return f"{outcome.test.low:.2f} to {outcome.test.high:.2f}"


def _start_and_end(values: pl.Series) -> str:
    known = values.drop_nulls()
    if known.is_empty():
        return "–"
    start, end = _short(known[0]), _short(known[-1])
    return start if start == end else f"{start} → {end}"


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-12 else f"{value:.2g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
