"""Continuous time: mass against switching rate, with the mass kept and lost."""

from typing import NamedTuple

import numpy as np
import polars as pl

from underdamped.studies.reporting.landscapes.words import apart, listed, names_of, of, percent
from underdamped.studies.reporting.plots import Map, Panel
from underdamped.studies.reporting.report import Picture, Section

_XLABEL, _YLABEL = "mass, log₁₀ mL/α²", "switching rate, log₁₀ κα/L"


class _Plane(NamedTuple):
    problem: str
    masses: np.ndarray
    rates: np.ndarray
    kept: np.ndarray
    lost: np.ndarray
    gain: np.ndarray  # where it is clear
    comparisons: int


def section(records: pl.DataFrame) -> Section | None:
    """Maps of both processes and of their difference."""
    planes = _planes(records)
    if not planes:
        return None
    blocks: list = [
        "The process itself, index and motion in continuous time. The horizon is the same for all; the mass is that of "
        "the start, and where it is lost a thousandth is left at the end. Where the index switches fast, the noise "
        "averages out and paths stay in the basins of their starts; where it switches slowly, they follow single "
        "components and end wherever the last one leads."
    ]
    for number, one in enumerate(planes):
        top = float(max(one.kept.max(), one.lost.max()))
        span = max(float(np.abs(one.lost - one.kept).max()), 1e-9)
        axes = np.log10(one.masses), np.log10(one.rates)  # evenly spaced there, so that all cells are of one size
        maps = [
            Map("share", *axes, one.kept, limits=(0.0, top)),
            Map("share", *axes, one.lost, limits=(0.0, top)),
            Map("difference of shares", *axes, one.gain, limits=(-span, span), diverging=True),
        ]
        titles = ("Mass kept (hSGMP)", "Mass lost (dmSGMP)", "Lost minus kept")
        panels = [
            Panel(f"{one.problem}: {title[0].lower() + title[1:]}", _XLABEL, _YLABEL, [grid])
            for title, grid in zip(titles, maps, strict=True)
        ]
        caption = (
            "Share of paths that end in the global basin. The last map is white where Newcombe’s interval (one of "
            f"{one.comparisons} that hold together with 95 %) does not leave out 0."
        )
        blocks += [sentence(one), Picture(f"plane-{number + 1}", panels, caption)]
    return Section("When: mass and switching rate in continuous time", blocks)


def sentences(records: pl.DataFrame) -> list[str]:
    """What the maps say, for the page's lead."""
    return [sentence(one) for one in _planes(records)]


def sentence(one: _Plane) -> str:
    """Where losing the mass helps, where it hurts, and where the largest share arrives."""
    gains, losses = np.argwhere(one.gain > 0), np.argwhere(one.gain < 0)
    points = one.kept.size
    place = np.unravel_index(one.kept.argmax(), one.kept.shape)
    text = (
        f"On {one.problem}, in continuous time, the largest share of paths of constant mass ends in the global basin "
        f"at a switching rate of {one.rates[place[0]]:.2g} L/α ({percent(float(one.kept.max()))}; between "
        f"{percent(float(one.kept.min()))} and "
        "that elsewhere). "
    )
    if not len(gains) and not len(losses):
        return text + f"Losing the mass makes no clear difference at any of the {points} points."
    parts = []
    for places, words in ((gains, "more"), (losses, "fewer")):
        if len(places):
            masses, rates = one.masses[places[:, 1]], one.rates[places[:, 0]]
            parts.append(
                f"clearly {words} of them arrive when the mass is lost at {len(places)} of {points} points, with mL/α² "
                f"{_span(masses)} and κα/L {_span(rates)}"
            )
    return text + (listed(parts)[0].upper() + listed(parts)[1:]) + "."


def _span(values: np.ndarray) -> str:
    low, high = f"{values.min():.3g}", f"{values.max():.3g}"
    return f"= {low}" if low == high else f"from {low} to {high}"


def _planes(records: pl.DataFrame) -> list[_Plane]:
    found = []
    rows = of(records, "plane")
    for problem in names_of(rows, "problem"):
        here = rows.filter(pl.col("problem") == problem).sort("y", "x")
        kept, lost = (here.filter(pl.col("series") == name) for name in names_of(rows, "series"))
        masses, rates = (np.array(sorted(kept[axis].unique().to_list())) for axis in ("x", "y"))
        shape = (len(rates), len(masses))
        number = len(rows) // 2
        gaps = [apart(a, b, number) for a, b in zip(lost.to_dicts(), kept.to_dicts(), strict=True)]
        gain = np.array([gap.difference if gap.is_clear else np.nan for gap in gaps]).reshape(shape)
        kept_values, lost_values = (one["value"].to_numpy().reshape(shape) for one in (kept, lost))
        found.append(_Plane(problem, masses, rates, kept_values, lost_values, gain, number))
    return found
