"""Figures 1 and 2 of the report: who comes to rest where, and the integrators against closed forms."""

import math

import numpy as np
import polars as pl

from underdamped.studies.reporting.false_minimum.tables import Verdict, listed, select
from underdamped.studies.reporting.plots import Curve, Panel, Points, looks
from underdamped.studies.reporting.report import Picture, Section, Table
from underdamped.studies.reporting.style import Look

ORDERS = {"semi-implicit Euler (36)": 1, "exponential Euler": 1, "exponential Heun": 2, "Runge-Kutta 4": 4}
"""Orders of the integrators that have a step."""

_INK = Look("#000000")


def figure_1(records: pl.DataFrame) -> Section:
    """Potential and trajectories."""
    friction = select(records, "figure 1", "friction")["value"].item()
    shape = select(records, "figure 1", "potential").sort("x")
    paths = select(records, "figure 1", "position").sort("series", "x", maintain_order=True)
    masses = select(records, "figure 1", "passes, predicted").sort("x")["series"].to_list()
    colors = looks(masses)
    well = Curve("", _INK, shape["x"].to_numpy(), shape["value"].to_numpy())
    curves = [
        Curve(mass, colors[mass], rows["x"].to_numpy(), rows["value"].to_numpy())
        for mass in masses
        for rows in [paths.filter(pl.col("series") == mass)]
    ]
    ends = np.array([curve.y[-1] for curve in curves])
    heights = (np.maximum(ends, 0) - 1) ** 2 + ends**2
    dots = [Points(mass, colors[mass], [x], [y]) for mass, x, y in zip(masses, ends, heights, strict=True)]
    passing, _, _ = _passing(records)
    who = "None of these masses passes" if not passing else f"Of these masses {listed(passing)} passed"
    caption = (
        f"Left: the potential of equation (5), steep on both sides of its minimiser 1/2, flat at 0 when reached from "
        f"the left; dots mark where the paths are at the last time. Right: the underdamped gradient flow from rest at "
        f"−{abs(curves[0].y[0]):g} with friction α = {friction:g}. {who} 0 "
        f"by time {curves[0].x[-1]:.4g}; α²/8 is {friction**2 / 8:g}."
    )
    panels = [
        Panel("Φ(x) = (max(x, 0) − 1)² + x²", "position x", "Φ(x)", [well, *dots]),
        Panel("The flow by its mass", "time t", "position q", curves),
    ]
    return Section(
        "With enough mass the flow passes the false minimiser (Fig. 1)", [Picture("figure-1", panels, caption)]
    )


def verdict_1(records: pl.DataFrame) -> Verdict:
    """Whether the trajectories pass 0 exactly where they should, of those followed long enough to tell."""
    friction = select(records, "figure 1", "friction")["value"].item()
    passing, expected, late = _passing(records)
    measured = ", ".join(passing) or "none"
    if late:
        measured += f"; left out, passing later than it was followed: {', '.join(late)}"
    verdict = "agrees" if passing == expected else "does not agree: other masses pass"
    if len(late) == select(records, "figure 1", "passes, predicted").height:
        verdict = "no verdict: no mass was followed long enough"
    return Verdict("Fig. 1: masses that pass 0", f"those above α²/8 = {friction**2 / 8:g}", measured, verdict)


def _passing(records: pl.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Masses that passed, that should have, and, in neither, those whose time of passing is beyond the last one."""
    paths = select(records, "figure 1", "position")
    highest = dict(paths.group_by("series").agg(pl.col("value").max()).iter_rows())
    times = select(records, "figure 1", "time of passing, predicted").sort("x")
    end = float(paths["x"].to_numpy().max())
    passing, expected, late = [], [], []
    for series, time in times.select("series", "value").iter_rows():
        mass = series.removeprefix("m = ")
        if end < time < math.inf:
            late.append(mass)
            continue
        passing += [mass] if highest[series] > 0 else []
        expected += [mass] if time < math.inf else []
    return passing, expected, late


def figure_2(records: pl.DataFrame) -> Section:
    """Both masses with their closed forms, and the errors of all flows."""
    masses = select(records, "figure 2", "position, closed form")["series"].unique(maintain_order=True).to_list()
    positions, errors = [], []
    colors = looks(list(ORDERS))
    for mass in masses:
        exact = select(records, "figure 2", "position, closed form", mass).sort("x")
        scheme = select(records, "figure 2", "position, scheme with h = 0.2", mass).sort("x")
        contents = [
            Curve("closed form", _INK, exact["x"].to_numpy(), exact["value"].to_numpy()),
            Points("scheme (36), h = 0.2", Look("#D55E00"), scheme["x"].to_numpy(), scheme["value"].to_numpy()),
        ]
        positions.append(Panel(mass, "time t", "position q", contents, ylim=(-0.3, 1.05)))
        curves = []
        for name in ORDERS:
            rows = select(records, "figure 2", "largest error", f"{mass}: {name}").sort("x")
            curves.append(Curve(name, colors[name], rows["x"].to_numpy(), rows["value"].to_numpy()))
        errors.append(Panel(mass, "step h", "largest error of q", curves, scale="log", xscale="log"))
    errors = [
        Panel(p.title, p.xlabel, p.ylabel, p.contents, p.scale, p.xscale, alike=errors) for p in errors
    ]  # one ordinate
    return Section(
        "A parabola, where everything is known (Fig. 2)",
        [
            Picture(
                "figure-2",
                positions,
                "The flow on Φ(x) = x²/2 from q = 1 at rest, α = 1: constant mass swings through the minimiser; a mass "
                "that is lost at the rate 1/(1+t) never does, and ends faster, as e^(−t²/2).",
            ),
            Picture(
                "figure-2-errors",
                errors,
                "Largest distance from the closed form at the times 0.2, 0.4, …, 4, by the length of the step.",
            ),
            Table(
                ["flow", "mass", "order, predicted", "order, measured", "error at the shortest step"],
                [
                    [name, mass, _order(name), _number(slope), f"{error:.1e}"]
                    for mass in masses
                    for name, slope, error in _flows(records, mass)
                ],
                "Orders are those of the two shortest steps.",
            ),
        ],
    )


def verdict_2(records: pl.DataFrame) -> Verdict:
    """Whether all integrators have their order, and those without a step their precision."""
    masses = select(records, "figure 2", "position, closed form")["series"].unique(maintain_order=True).to_list()
    found = [(f"{name}, {mass}", name, slope, error) for mass in masses for name, slope, error in _flows(records, mass)]
    off = [label for label, name, slope, _ in found if name in ORDERS and abs((slope or 0) - ORDERS[name]) > 0.1]
    coarse = [label for label, name, _, error in found if name not in ORDERS and not error < 1e-9]
    gaps = [abs(slope - ORDERS[name]) for _, name, slope, _ in found if slope is not None]
    others = [error for _, name, _, error in found if name not in ORDERS]
    slow = ", ".join(off + coarse)
    return Verdict(
        "Fig. 2: orders of the integrators",
        "1, 1, 2, 4, and no error without a step",
        f"within {max(gaps):.2f}, error {max(others):.0e}",
        "agrees" if not slow else f"does not agree: {slow}",
    )


def _flows(records: pl.DataFrame, mass: str) -> list[tuple[str, float | None, float]]:
    """Name, measured order and smallest error of each flow."""
    rows = records.filter((pl.col("quantity") == "largest error") & pl.col("series").str.starts_with(f"{mass}: "))
    found = []
    for series in rows["series"].unique(maintain_order=True):
        one = rows.filter(pl.col("series") == series).sort("x", descending=True)
        steps, errors = one["x"].to_list(), one["value"].to_list()
        slope = math.log(errors[-2] / errors[-1]) / math.log(steps[-2] / steps[-1]) if len(errors) > 1 else None
        found.append((series.removeprefix(f"{mass}: "), slope, errors[-1]))
    return found


def _order(name: str) -> str:
    return str(ORDERS[name]) if name in ORDERS else "no step"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
