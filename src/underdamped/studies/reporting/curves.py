"""The figures of training records: final accuracies, learning curves, and what the optimisers did."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from underdamped.studies.reporting.outcomes import Outcome
from underdamped.studies.reporting.plots import Curve, Estimate, Panel, looks
from underdamped.studies.reporting.report import Picture
from underdamped.studies.reporting.scales import Scale

_MEANS = "Lines: means over seeds. Bands: from the lowest seed to the highest."
_BROKEN = "A cross ends a curve where the first of its seeds diverged: a mean of the others would flatter it."


def final_accuracy(judged: Sequence[Outcome]) -> list[Picture]:
    """Test accuracy at the end, a row a method, of those that came to the end; no picture if none did."""
    look = looks([item.method for item in judged])
    estimates = [
        Estimate(item.name, look[item.method], item.values, item.test.mean, item.test.low, item.test.high)
        for item in judged
        if item.complete and item.test.mean is not None
    ]
    if not estimates:
        return []
    size = (4.6, 0.9 + 0.45 * len(estimates))
    panel = Panel("Test accuracy at the end", "test accuracy (%)", "", estimates, size=size)
    caption = (
        "Dots: single seeds. Upright stroke: their mean. Line: 95 % t-interval of the mean, within what is possible. "
        "What diverged or was stopped is not shown. The axis need not begin at 0."
    )
    return [Picture("final-accuracy", [panel], caption)]


def learning_curves(judged: Sequence[Outcome]) -> list[Picture]:
    """Loss and accuracy against the epoch, on the training and on the test images: as the paper's Figs. 7 and 8."""
    means = f"{_MEANS} {_BROKEN}" if any(item.diverged for item in judged) else _MEANS
    return [
        Picture(
            "loss",
            _training_and_test(judged, "loss", "mean cross-entropy (nats)", "log"),
            f"As the paper's Fig. 7. {means} Logarithmic ordinate.",
        ),
        Picture(
            "accuracy",
            _training_and_test(judged, "accuracy", "accuracy (%)", "accuracy", factor=100.0),
            f"As the paper's Fig. 8. {means} The ordinate is spaced by the logarithm of the error: to halve the error "
            "is about the same height everywhere.",
        ),
    ]


def coefficients(judged: Sequence[Outcome]) -> Picture:
    """Mass, momentum factor, step size and effective learning rate against the epoch."""
    panels = [
        _panel(judged, "mass", "Mass", "m", "log or zero"),
        _panel(judged, "decay", "Momentum factor", "m/(m+αh)", "log or zero"),
        _panel(judged, "learning_rate", "Step size", "h, or η for SGD", "log"),
        _panel(judged, "effective_lr", "Effective learning rate", "h/α, or η/(1−ρ)", "log"),
    ]
    caption = (
        "Logarithmic ordinates, with 0 at the foot where a value is 0. Curves that coincide are drawn as stripes of "
        "their colours. The mass of classical momentum is that of the same step written as SGMP with friction 1."
    )
    return Picture("coefficients", panels, caption)


def _training_and_test(
    judged: Sequence[Outcome], quantity: str, ylabel: str, scale: Scale, factor: float = 1.0
) -> list[Panel]:
    """Two panels with the same axes, so that they can be compared."""
    panels = [
        _panel(judged, f"{part}_{quantity}", f"{title} {quantity}", ylabel, scale, factor, band=True)
        for part, title in (("train", "Training"), ("test", "Test"))
    ]
    return [replace(panel, alike=panels) for panel in panels]


def _panel(
    judged: Sequence[Outcome],
    column: str,
    title: str,
    ylabel: str,
    scale: Scale,
    factor: float = 1.0,
    band: bool = False,
) -> Panel:
    look = looks([item.method for item in judged])
    curves = []
    for item in judged:
        # Only as far as every seed of the method has a value: a mean over the survivors would flatter it.
        value = pl.col(column) * factor
        frame = item.rows.group_by("epoch").agg(n=value.count(), y=value.mean(), low=value.min(), high=value.max())
        frame = frame.filter(pl.col("n") == len(item.seeds)).sort("epoch")
        x, y, low, high = (frame[name].cast(pl.Float64).to_numpy() for name in ("epoch", "y", "low", "high"))
        if not band or len(item.seeds) == 1:
            low = high = None
        if len(x):
            curves.append(Curve(item.name, look[item.method], x, y, low, high, broken=bool(item.diverged)))
    return Panel(title, "epoch", ylabel, curves, scale, xlim=(0, max(1, *(item.epoch for item in judged))))
