"""The figures of the convex study: Fig. 5, real regressions against cost, and where constant steps settle."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from underdamped.studies.reporting.contests import divergence_limit, standings
from underdamped.studies.reporting.plots import Curve, Estimate, Look, Panel, Points, looks
from underdamped.studies.reporting.report import Picture

_CROSS = "A cross ends a curve that diverged: that ends beyond a thousand times its start."
_SETTINGS = ("by rule (38)", "tuned")


def figure5(rows: pl.DataFrame) -> Picture:
    """Mean distance with its standard deviation, a panel for each law of the mass, SGD in all of them."""
    panels = [name for name in rows["setting"].unique(maintain_order=True) if name]
    masses = list(dict.fromkeys(name.rpartition("=")[2] for name in rows["series"] if "=" in name))
    look = dict(zip(["SGD", *masses], looks(["SGD", *masses]).values(), strict=True))
    drawn, limit = [], divergence_limit(rows, "distance")
    for panel in panels:
        shown = rows.filter(pl.col("setting").is_in(["", panel]))
        curves = [
            _band(
                part,
                look[name.rpartition("=")[2]],
                f"SGMP m₀={name.rpartition('=')[2]}" if "=" in name else name,
                limit,
            )
            for (name,), part in shown.group_by("series", maintain_order=True)
        ]
        title = "Constant mass" if panel == "constant" else f"Mass m₀·{panel.removeprefix('r=')}ⁿ"
        drawn.append(Panel(title, "iteration n", "distance |qₙ − θ*|", curves, "log", xlim=_ends(rows)))
    caption = (
        "As the paper's Fig. 5. Lines: means over the random problems. Bands: one standard deviation to each side, cut "
        "where it would reach 0. All methods see the same problems, starts and batches. Logarithmic ordinates. "
        f"{_CROSS}"
    )
    return Picture("figure-5", [replace(panel, alike=drawn) for panel in drawn], caption)


def against_cost(name: str, rows: pl.DataFrame) -> list[Picture]:
    """Gap and distance of one regression against gradient evaluations, and the gap against time."""
    methods = [m for m in rows["series"].unique(maintain_order=True) if m != "problem"]
    look = looks(methods)
    ratios = {
        row["series"]: row["value"] for row in rows.filter(pl.col("quantity") == "time a step / SGD's").to_dicts()
    }
    first = float(rows.filter(pl.col("quantity") == "gap")["x"].min() or 1.0)  # pyright: ignore[reportArgumentType]

    limits = {quantity: divergence_limit(rows, quantity) for quantity in ("gap", "distance")}

    def panels(quantity: str, ylabel: str, xlabel: str, in_time: bool) -> list[Panel]:
        found = []
        for setting in _SETTINGS:
            factors = {method: ratios[method] / first if in_time else 1.0 for method in methods}
            curves = [
                _interval_curve(
                    _pick(rows, quantity, setting, method), look[method], method, factors[method], limits[quantity]
                )
                for method in methods
            ]
            title = f"Steps {setting}" if setting == "by rule (38)" else "Steps tuned"
            found.append(Panel(title, xlabel, ylabel, curves, "log", xscale="log"))
        return [replace(panel, alike=found) for panel in found]

    gap, distance = "objective gap Φ(q) − Φ(θ*)", "distance |q − θ*|"
    means = f"Lines: geometric means over seeds. Bands: their 95 % t-intervals. {_CROSS}"
    return [
        Picture(f"{name}-gap", panels("gap", gap, "gradient evaluations", False), f"{means} Logarithmic axes."),
        Picture(
            f"{name}-distance",
            panels("distance", distance, "gradient evaluations", False),
            f"Distance to the true minimiser. {means}",
        ),
        Picture(
            f"{name}-time",
            panels("gap", gap, "time (steps of SGD)", True),
            "The same gaps against time: each method's steps, multiplied by what its step costs in steps of SGD (table "
            "below). Measured in compiled loops with one run each, where a batch's gradient and the update both count.",
        ),
        _final(name, rows, look),
    ]


def spread(rows: pl.DataFrame) -> Picture:
    """Stationary spread against the step: measured, exact, leading order."""
    methods = [m for m in rows["series"].unique(maintain_order=True) if m != "leading order"]
    look = looks(["leading order", *methods])
    marks: list[Curve | Points] = []
    for method in methods:
        exact = rows.filter((pl.col("series") == method) & (pl.col("quantity") == "exact spread"))
        marks.append(Curve(method, look[method], *_xy(exact), broken=not np.isfinite(exact["value"].to_numpy()).all()))
    leading = rows.filter(pl.col("quantity") == "predicted spread")
    marks.append(Curve("leading order", Look("#888888", (1.2, 1.4)), *_xy(leading)))
    for method in methods:
        measured = rows.filter((pl.col("series") == method) & (pl.col("quantity") == "measured spread"))
        low, high = (measured[side].cast(pl.Float64).to_numpy() for side in ("low", "high"))
        marks.append(Points(method, look[method], *_xy(measured), low, high))
    panel = Panel("Where constant steps settle", "step h·L/α", "E|q − θ*|²", marks, "log", xscale="log")
    caption = (
        "Ridge regression on the diabetes data, batches without replacement. Dots: time averages of simulated runs "
        "with 95 % t-intervals over runs. Lines: the exact stationary second moment of the scheme. Dotted: its "
        "leading order, h tr(A⁻¹Σ)/(2α), for any mass. Logarithmic axes."
    )
    return Picture("stationary-spread", [panel], caption)


def _final(name: str, rows: pl.DataFrame, look: dict[str, Look]) -> Picture:
    panels = []
    for setting in _SETTINGS:
        ended = standings(rows.filter(pl.col("setting") == setting), "gap")
        estimates = [
            Estimate(item.name, look[item.name], item.values, item.mean, item.low, item.high)
            for item in ended
            if not item.diverged
        ]
        title = f"Final gap, steps {setting}"
        if estimates:
            size = (4.6, 0.9 + 0.45 * len(estimates))
            panels.append(Panel(title, "objective gap Φ(q) − Φ(θ*)", "", estimates, "log", size=size))
    caption = (
        "Dots: single seeds. Upright stroke: their geometric mean. Line: its 95 % t-interval. What diverged is not "
        "shown. Logarithmic axes, each with its own ends."
    )
    return Picture(f"{name}-final", panels, caption)


def _band(part: pl.DataFrame, look: Look, label: str, limit: float) -> Curve:
    """Mean and standard deviation; of long curves every fifth point after the hundredth, which no eye can tell."""
    mean = part.filter(pl.col("quantity") == "distance").sort("x")
    sd = part.filter(pl.col("quantity") == "distance sd").sort("x")["value"].to_numpy()
    n, y = _xy(mean)
    keep = (n <= 100) | (n % 5 == 0) | (n == n[-1])
    n, y, sd = n[keep], y[keep], sd[keep]
    y = _cut(y, limit)
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = np.maximum(y - sd, 0.2 * y), np.minimum(y + sd, 5 * y)
    return Curve(label, look, n, y, low, high, broken=not np.isfinite(y[-1]))


def _interval_curve(part: pl.DataFrame, look: Look, label: str, factor: float, limit: float) -> Curve:
    x, y = _xy(part)
    y = _cut(y, limit)
    low, high = (np.clip(part[side].cast(pl.Float64).to_numpy(), limit * 1e-12, limit) for side in ("low", "high"))
    return Curve(label, look, x * factor, y, low, high, broken=not np.isfinite(y[-1]))


def _cut(y: np.ndarray, limit: float) -> np.ndarray:
    """A curve that ends beyond the limit up to where it first was; one that came back whole, with a gap at its worst.

    The first value always stays, to begin from.
    """
    with np.errstate(invalid="ignore"):
        beyond = ~(y <= limit)
        if not beyond[-1]:
            return np.where(y <= 1e12 * limit, y, np.nan)
    end = int(np.argmax(beyond)) if beyond.any() else len(y)
    return np.where(np.arange(len(y)) < max(end, 1), np.minimum(y, limit), np.nan)


def _pick(rows: pl.DataFrame, quantity: str, setting: str, method: str) -> pl.DataFrame:
    return rows.filter(
        (pl.col("quantity") == quantity) & (pl.col("setting") == setting) & (pl.col("series") == method)
    ).sort("x")


def _xy(rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return rows["x"].to_numpy(), rows["value"].to_numpy()


def _ends(rows: pl.DataFrame) -> tuple[int, int]:
    last: Sequence[float] = rows.filter(pl.col("quantity") == "distance")["x"].to_list()
    return 0, int(max(last))
