"""The page of the images study: Figs. 7 and 8 and Table 1 from its records, with intervals over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.outcomes import Mean, Outcome, outcomes, rank
from underdamped.studies.plots import Curve, Estimate, Look, Panel, looks
from underdamped.studies.report import Block, Page, Picture, Section, Table
from underdamped.studies.scales import Scale
from underdamped.studies.statistics import difference, over_seeds

_PAPER_NAMES = {"momentum": "classical momentum"}
_TABLE_1_ROWS = 10
_NEGLIGIBLE = 0.01  # a momentum factor below this changes a step by less than a hundredth


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the images study as a page.

    Args:
        records: One row per method, seed and epoch; a run that was stopped or diverged is shown as far as it came.
        config: The configuration; ``data``, ``methods``, ``seeds`` and ``epochs`` are looked at, any may be missing.
        environment: Where it ran; shown by the report, not used here.

    Returns:
        The page: what was found, the table, learning curves, what the optimisers did, and what to notice.
    """
    del environment
    judged = outcomes(records, _epochs(records, config))
    names = labels([outcome.method for outcome in judged])
    styles = looks([outcome.method for outcome in judged])
    curves = _Curves(judged, names, styles)
    results: list[Block] = [_table(judged), _estimates(judged, names, styles)]
    return Page(
        title=f"Training a convolutional network{_on_data(config)}: SGD, momentum, and momentum that is lost",
        lead=[" ".join(_findings(judged, names)), *_reservations(judged, names, config)],
        sections=[
            Section("Final accuracy", results),
            Section("Learning curves", _learning_curves(curves)),
            Section("What the optimisers did", [_coefficients(curves)]),
            Section("What to notice", _notes(judged, names)),
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
    names = labels([outcome.method for outcome in judged])
    schema = {"method": pl.String, "seeds": pl.Int64, "train %": pl.Float64, "test %": pl.Float64}
    return pl.DataFrame(
        [[names[o.method], len(o.seeds), _rounded(o.train.mean), _rounded(o.test.mean), _interval(o)] for o in judged],
        schema=schema | {"95 % t-interval": pl.String},
        orient="row",
    )


def labels(methods: Sequence[str]) -> dict[str, str]:
    """The paper's name of each method; with its parameters where two methods share the name.

    Example:
        >>> labels(["momentum η=0.01 ρ=0.9", "hSGMP α=1 m=0.1 h=1", "hSGMP α=10 m=0.1 h=1"])["momentum η=0.01 ρ=0.9"]
        'classical momentum'
    """
    families = [_family(method) for method in methods]
    return {
        method: family if families.count(family) == 1 else f"{family} ({_parameters(method)})"
        for method, family in zip(methods, families, strict=True)
    }


def _family(method: str) -> str:
    family = method.partition(" ")[0]
    return _PAPER_NAMES.get(family, family)


def _parameters(method: str) -> str:
    return ", ".join(method.split()[1:])


def _epochs(records: pl.DataFrame, config: Mapping[str, Any]) -> int:
    asked = config.get("epochs")
    return asked if isinstance(asked, int) else int(records["epoch"].max())  # pyright: ignore[reportArgumentType]


def _on_data(config: Mapping[str, Any]) -> str:
    """The data set in words; of a folder its name alone, since a page is passed on and a path is nobody's business."""
    data = config.get("data")
    return f" on {Path(data).name}" if isinstance(data, str | Path) and str(data) else ""


# The table.


def _table(judged: Sequence[Outcome]) -> Table:
    rows = []
    for outcome in judged:
        ordered = outcome.rows.sort("epoch")
        total = outcome.rows.group_by("seed").agg(pl.col("seconds").sum())["seconds"].mean()
        rows.append(
            [
                f"{_family(outcome.method)}\n{_parameters(outcome.method)}".strip(),
                _percent(outcome.test, outcome),
                _percent(outcome.train, outcome),
                str(len(outcome.seeds)),
                _start_and_end(ordered["decay"]),
                _start_and_end(ordered["effective_lr"]),
                "–" if total is None else f"{total:,.3g}",
            ]
        )
    columns = ["method", "test %", "train %", "seeds", "momentum factor", "effective lr", "seconds a seed"]
    return Table(
        columns,
        rows,
        "Accuracies are means over seeds ± the half-width of the 95 % t-interval, which covers the chance in the starting "
        "weights, batches and augmentation, not the choice of test images. “train” is the running average over the last "
        "epoch's augmented batches, with drop-out on, as the network changed; it is not the accuracy of the final "
        "network. The momentum factor m/(m+αh) is the share of the velocity that a step keeps; the effective learning "
        "rate is h/α, and η/(1−ρ) for classical momentum. Arrows go from the first epoch to the last.",
    )


def _percent(mean: Mean, outcome: Outcome) -> str:
    if outcome.diverged:
        return f"diverged ({len(outcome.diverged)} of {len(outcome.seeds)})"
    if mean.mean is None:
        return "–"
    shown = f"{mean.mean:.2f}" + ("" if mean.margin is None else f" ± {mean.margin:.2f}")
    return shown if outcome.complete else f"{shown} (epoch {outcome.epoch})"


def _interval(outcome: Outcome) -> str:
    if outcome.diverged:
        return "; ".join(f"diverged at epoch {epoch} (seed {seed})" for seed, epoch in outcome.diverged)
    if not outcome.complete:
        return f"stopped at epoch {outcome.epoch}"
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


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


# What is said.


def _findings(judged: Sequence[Outcome], names: Mapping[str, str]) -> list[str]:
    ranking = rank(judged)
    if ranking.first is None:
        return _findings_without_intervals(judged, names)
    first = ranking.first
    best = f"{names[first.method]} ({_percent(first.test, first)} %, {first.test.n} seeds)"
    if len(judged) == 1:
        return [f"After {_count(first.epoch, 'epoch')}, test accuracy of {best}, mean and 95 % t-interval."]
    among = " among the methods with two seeds or more" if any(_alone(item) for item in ranking.unranked) else ""
    sentences = [f"After {_count(first.epoch, 'epoch')} the highest mean test accuracy{among} is that of {best}."]
    if ranking.tied:
        whose = _listed([names[item.method] for item in ranking.tied])
        all_of_them = len(ranking.tied) + 1 == len(judged)
        where = "among them: the data do not tell these methods apart" if all_of_them else "among these"
        sentences.append(f"Its 95 % interval overlaps {'that' if len(ranking.tied) == 1 else 'those'} of {whose}, "
                         f"so there is no ranking {where}.")  # fmt: skip
    if ranking.below:
        one = len(ranking.below) == 1
        whose = _listed([names[item.method] for item in ranking.below])
        sentences.append(f"The interval{'' if one else 's'} of {whose} lie{'s' if one else ''} below it.")
    return sentences


def _findings_without_intervals(judged: Sequence[Outcome], names: Mapping[str, str]) -> list[str]:
    whole = [item for item in judged if item.complete and item.test.mean is not None]
    if not whole:
        return ["No method has been trained to the end yet: what follows is as far as the run came."]
    best = max(whole, key=lambda item: item.test.mean or 0.0)
    return [
        f"With one seed a method there are no intervals, and so no ranking. After {_count(best.epoch, 'epoch')} "
        f"the highest test accuracy recorded is {best.test.mean:.2f} % ({names[best.method]})."
    ]


def _reservations(judged: Sequence[Outcome], names: Mapping[str, str], config: Mapping[str, Any]) -> list[str]:
    """What diverged, was stopped, or has not begun, if anything."""
    sentences = []
    asked = sum(_TABLE_1_ROWS if text == "table1" else 1 for text in dict.fromkeys(config.get("methods") or ()))
    if len(judged) < asked:
        sentences.append(f"The run is not finished: {len(judged)} of {asked} methods have begun.")
    for item in judged:
        sentences += [f"{names[item.method]} diverged at epoch {epoch} (seed {seed})." for seed, epoch in item.diverged]
        if not item.complete:
            sentences.append(f"{names[item.method]} was stopped at epoch {item.epoch}; it is shown, not ranked.")
        sentences += [
            f"{names[item.method]}, seed {seed}, was stopped at epoch {epoch} and is left out."
            for seed, epoch in item.unfinished
        ]
        begun, seeds = len(item.seeds) + len(item.unfinished), len(config.get("seeds") or ())
        if begun < seeds:
            sentences.append(f"{names[item.method]} has begun with {begun} of {seeds} seeds.")
    alone = [names[item.method] for item in judged if _alone(item)]
    if alone and len(alone) < len(judged):
        sentences.append(f"{_listed(alone)} {'has' if len(alone) == 1 else 'have'} one seed only, and so no rank.")
    return [" ".join(sentences)] if sentences else []


def _alone(item: Outcome) -> bool:
    """Whether one finished seed is all there is: a mean without an interval."""
    return item.complete and item.test.mean is not None and item.test.low is None


def _notes(judged: Sequence[Outcome], names: Mapping[str, str]) -> list[Block]:
    return [note for note in (_next_best(judged, names), *_momentum_notes(judged, names)) if note]


def _next_best(judged: Sequence[Outcome], names: Mapping[str, str]) -> str:
    ranking = rank(judged)
    others = sorted((*ranking.tied, *ranking.below), key=lambda item: -(item.test.mean or 0.0))
    if ranking.first is None or not others:
        return ""
    apart = difference(ranking.first.values, others[0].values)
    if apart.low is None or apart.high is None:
        return ""
    return (
        f"{names[ranking.first.method]} is {apart.mean:.2f} points above the next, {names[others[0].method]}; Welch's "
        f"95 % interval of the difference is {_signed(apart.low)} to {_signed(apart.high)} points. The two were chosen "
        "as the two highest, which flatters the first."
    )


def _momentum_notes(judged: Sequence[Outcome], names: Mapping[str, str]) -> list[str]:
    notes = []
    faint = [i for i in judged if _family(i.method).endswith("SGMP") and 0 < (i.rows["decay"].max() or 0) < _NEGLIGIBLE]  # pyright: ignore[reportOperatorIssue]
    if faint:
        notes.append(
            f"Hardly any momentum: {_listed([names[item.method] for item in faint])} keep"
            f"{'s' if len(faint) == 1 else ''} less than 1 % of the velocity from one step to the next, and so "
            "differ little from plain SGD at the same effective learning rate."
        )
    for item in judged:
        decay = item.rows.group_by("epoch").agg(pl.col("decay").max()).sort("epoch")
        lost = decay.filter(pl.col("decay") < _NEGLIGIBLE)
        if decay.height and (decay["decay"][0] or 0) >= _NEGLIGIBLE and lost.height:
            notes.append(
                f"{names[item.method]} has lost its momentum, to below 1 % a step, by epoch {lost['epoch'][0]}."
            )
    rates = {round(float(rate), 12) for item in judged for rate in item.rows["effective_lr"].drop_nulls().head(1)}
    if len(rates) > 1 and min(rates) > 0:
        notes.append(
            f"Effective learning rates differ by a factor of {max(rates) / min(rates):.3g} between methods. A "
            "difference in accuracy between methods of different rates says as much about the rate as about momentum; "
            "compare methods of the same rate first."
        )
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


# The figures.


def _estimates(judged: Sequence[Outcome], names: Mapping[str, str], styles: Mapping[str, Look]) -> Picture:
    estimates = [
        Estimate(names[o.method], styles[o.method], o.values, o.test.mean, o.test.low, o.test.high)
        for o in judged
        if o.complete and o.test.mean is not None
    ]
    size = (4.6, 0.9 + 0.45 * len(estimates))
    panel = Panel("Test accuracy at the end", "test accuracy (%)", "", estimates, size=size)
    caption = (
        "Dots: single seeds. Upright stroke: their mean. Line: 95 % t-interval of the mean. What diverged or was "
        "stopped is not shown. The axis does not begin at 0."
    )
    return Picture("final-accuracy", [panel] if estimates else [], caption)


class _Curves:
    """Panels of one quantity against the epoch, for all methods in the same looks."""

    def __init__(self, judged: Sequence[Outcome], names: Mapping[str, str], styles: Mapping[str, Look]) -> None:
        self._judged, self._names, self._styles = judged, names, styles
        self._end = max(item.epoch for item in judged)
        self.broken = any(item.diverged for item in judged)

    def panel(
        self, column: str, title: str, ylabel: str, scale: Scale, factor: float = 1.0, band: bool = False
    ) -> Panel:
        """One panel."""
        curves = [
            _over_epochs(item, column, self._names[item.method], self._styles[item.method], factor, band)
            for item in self._judged
        ]
        return Panel(title, "epoch", ylabel, [curve for curve in curves if len(curve.x)], scale, xlim=(0, self._end))

    def pair(self, quantity: str, ylabel: str, scale: Scale, factor: float = 1.0) -> list[Panel]:
        """Training and test panels, with the same ordinate so that they can be compared."""
        panels = [
            self.panel(f"{part}_{quantity}", f"{title} {quantity}", ylabel, scale, factor, band=True)
            for part, title in (("train", "Training"), ("test", "Test"))
        ]
        span = np.concatenate([np.empty(0), *(curve.y for panel in panels for curve in panel.contents)])
        return [replace(panel, span=span) for panel in panels]


def _learning_curves(curves: _Curves) -> list[Block]:
    means = "Lines: means over seeds. Bands: 95 % t-intervals."
    if curves.broken:
        means += " A cross ends a curve where the first of its seeds diverged: a mean of the others would flatter it."
    return [
        Picture(
            "loss",
            curves.pair("loss", "mean cross-entropy (nats)", "log"),
            f"The paper's Fig. 7. {means} Logarithmic ordinate.",
        ),
        Picture(
            "accuracy",
            curves.pair("accuracy", "accuracy (%)", "accuracy", 100.0),
            f"The paper's Fig. 8. {means} The ordinate is spaced by the logarithm of the error: to halve the error is "
            "the same height everywhere.",
        ),
    ]


def _coefficients(curves: _Curves) -> Picture:
    panels = [
        curves.panel("mass", "Mass", "m", "log or zero"),
        curves.panel("decay", "Momentum factor", "m/(m+αh)", "log or zero"),
        curves.panel("learning_rate", "Step size", "h, or η for SGD", "log"),
        curves.panel("effective_lr", "Effective learning rate", "h/α, or η/(1−ρ)", "log"),
    ]
    caption = (
        "Logarithmic ordinates, with 0 at the foot where a value is 0. Curves that coincide are drawn as stripes of "
        "their colours. The mass of classical momentum is that of the same step written as SGMP with friction 1."
    )
    return Picture("coefficients", panels, caption)


def _over_epochs(item: Outcome, column: str, label: str, look: Look, factor: float, band: bool) -> Curve:
    """The mean over seeds, as far as every seed of the method has a value: one over the survivors would flatter it."""
    rows = item.rows.select("epoch", pl.col(column) * factor)
    frame = over_seeds(rows, column, by=["epoch"]).filter(pl.col("n") == len(item.seeds)).sort("epoch")
    x, y, low, high = (frame[name].cast(pl.Float64).to_numpy() for name in ("epoch", "mean", "low", "high"))
    broken = bool(item.diverged)
    if not band or len(item.seeds) == 1:
        return Curve(label, look, x, y, broken=broken)
    return Curve(label, look, x, y, low, high, broken)
