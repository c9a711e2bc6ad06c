"""Figure 4 of the report, and what subsampling makes of it: maps over friction and mass."""

import math

import numpy as np
import polars as pl

from underdamped.studies.reporting.false_minimum.tables import Grid, Verdict, beside, counted, grid, listed
from underdamped.studies.reporting.plots import Curve, Map, Panel
from underdamped.studies.reporting.report import Picture, Section, Table
from underdamped.studies.reporting.style import Look

_CLASSES = (
    ("stops at the false minimiser 0", "#E9A27A"),
    ("reaches the minimiser 1/2", "#7FB2D6"),
    ("diverges", "#999999"),
    ("keeps moving", "#F0E442"),
)
_FLOW, _SCHEME = Look("#000000", (4.0, 1.6)), Look("#000000")
_RULE, _CAPTION_RULE = "h = α/L", "h = 1/L"


def bounds(records: pl.DataFrame) -> list[float]:
    """L of the panels that are recorded."""
    names = records["experiment"].unique(maintain_order=True)
    return [float(name.removeprefix("figure 4, L = ")) for name in names if name.startswith("figure 4")]


def rates(records: pl.DataFrame) -> list[str]:
    """Rates of switching that are recorded, as they are named."""
    names = records["experiment"].unique(maintain_order=True)
    return [name.removeprefix("subsampling, ") for name in names if name.startswith("subsampling")]


def figure_4(records: pl.DataFrame) -> Section:
    """The maps for both rules, with the exact boundaries and the counts of what is on the wrong side."""
    found = bounds(records)
    rows = [_counts_row(records, bound, rule) for rule in (_RULE, _CAPTION_RULE) for bound in found]
    return Section(
        "The scheme over friction and mass (Fig. 4)",
        [
            Picture(
                "figure-4",
                [_panel(records, bound, _RULE) for bound in found],
                "Where the scheme (36) with the rule h = α/L comes to rest. Dashed: the boundary α² = 8m of the flow. "
                "Solid: the boundary of the scheme itself, α(1 − 2/L) = √(8m): the step takes 2h off the friction, so "
                "a coarse step passes with less mass than the flow.",
            ),
            Table(
                [
                    "panel",
                    "points",
                    "wrong side of √(8m) = α − 2h",
                    "wrong side of α² = 8m",
                    "of these within one cell",
                ],
                rows,
                "Points that do not end where a criterion says. The last column counts, of those that disagree with "
                "the flow, the ones that lie within one cell of the curve α² = 8m; the others are the step's work.",
            ),
            Picture(
                "figure-4-caption-rule",
                [_panel(records, bound, _CAPTION_RULE) for bound in found],
                "The same with h = 1/L, the step that the caption of the published figure names: the exact boundary "
                "is then α − 2/L = √(8m). Where α < 2/L the energy may grow, and light points near the left edge may "
                "circle or diverge.",
            ),
        ],
    )


def verdicts_4(records: pl.DataFrame) -> list[Verdict]:
    """The scheme against its own boundary and against that of the flow."""
    found = []
    for bound in bounds(records):
        _, points, scheme, flow, near = _counts(records, bound, _RULE)
        far = flow - near
        found += [
            Verdict(
                f"Fig. 4, L = {bound:g}: scheme",
                "it passes where α(1 − 2/L) < √(8m)",
                f"{scheme} of {points:,} off",
                "agrees" if scheme == 0 else f"does not agree: {counted(scheme, 'point')} off",
            ),
            Verdict(
                f"Fig. 4, L = {bound:g}: flow",
                "it passes where α² < 8m, up to one cell",
                f"{flow} of {points:,} off, {far} by more",
                "agrees" if far == 0 else "does not agree: the step is too coarse",
            ),
        ]
    return found


def subsampling(records: pl.DataFrame, paths: int, duration: float) -> Section:
    """The maps by the rate of switching."""
    panels = [_share_panel(records, rate) for rate in rates(records)]
    caption = (
        "Share of paths right of 0 at the last time when the flow sees one term of the potential at a time: "
        "2(max(x, 0) − 1)² or 2x², redrawn at the rate κ; at an infinite rate it sees both. Solid: α² = 8m, where the "
        "full gradient begins to pass. Dashed: α² = 16m; with less mass no path passes, at any finite rate."
    )
    rows = [_shares_row(records, rate) for rate in rates(records)]
    table = Table(
        ["rate κ", "right of 0 below α² = 8m", "left of 0 above it", "right of 0 below α² = 16m", "still changing"],
        rows,
        f"Of the points on the named side, those whose 95 % Wilson interval ({paths:,} paths, up to time {duration:g}) "
        "excludes what the full gradient does there: a share above 0 where it always stops, below 1 where it always "
        "passes. Last column: points whose shares at half of the time and at its end have disjoint intervals.",
    )
    words = (
        "The noise is that of a split, not of a tilt: at 0, from the left, both terms are flat, so the noise vanishes "
        "with the gradient and cannot push a path over by itself. It passes only by what a long stay with the second "
        "term does, whose curvature there is 4 in place of 2. At a constant rate the process never settles: right of 0 "
        "the terms have different minimisers, 1 and 0, so a share is where paths are, not where they end."
    )
    return Section("Under subsampling (not in the paper)", [words, Picture("subsampling", panels, caption), table])


def verdicts_of_subsampling(records: pl.DataFrame) -> list[Verdict]:
    """The infinite rate against the flow, the finite ones against the bound for splits."""
    found = []
    for rate in rates(records):
        shares, passes, can = _shares(records, rate)
        if rate == "rate inf":
            off = int(((shares.values > 0.5) != passes).sum())
            what, predicted, total = "Full gradient", "it passes where α² < 8m", passes.size
        else:
            off = int((shares.values[~can] > 0).sum())
            what, predicted, total = f"One term at a time, {rate}", "no path passes where α² ≥ 16m", int((~can).sum())
        verdict = "agrees" if off == 0 else f"does not agree: {counted(off, 'point')} off"
        found.append(Verdict(what, predicted, f"{off} of {total:,} off", verdict))
    return found


def what_the_scheme_does(records: pl.DataFrame) -> str:
    """One sentence: how well the two boundaries tell where the scheme comes to rest."""
    found = bounds(records)
    if not found:
        return ""
    counts = [_counts(records, bound, _RULE) for bound in found]
    total, wrong = sum(count[1] for count in counts), sum(count[2] for count in counts)
    right = f"all {total:,} points" if wrong == 0 else f"{total - wrong:,} of {total:,} points"
    return (
        f"With the step h = α/L the scheme comes to rest where its exact boundary α(1 − 2/L) = √(8m) says, at {right}; "
        f"the flow's boundary α² = 8m misjudges {listed([f'{count[3]:,}' for count in counts])} of {counts[0][1]:,} "
        f"points at L = {listed([f'{bound:g}' for bound in found])}."
    )


def what_subsampling_does(records: pl.DataFrame) -> str:
    """One sentence: whether noise helps below the curve, and hurts above it."""
    finite = [rate for rate in rates(records) if rate != "rate inf"]
    if not finite:
        return ""
    helped, hurt, between, above = [], [], 0, 0
    for rate in finite:
        shares, passes, can = _shares(records, rate)
        between, above = int((can & ~passes).sum()), int(passes.sum())
        helped.append(f"{(shares.low[~passes] > 0).sum()}")
        hurt.append(f"{(shares.high[passes] < 1).sum()}")
    names = listed([rate.removeprefix("rate ") for rate in finite])
    return (
        f"Subsampling blurs the boundary on both sides: at the rates {names} there are paths right of 0 at "
        f"{listed(helped)} of the {between} points between α² = 8m and α² = 16m, where the full gradient always stops, "
        f"and paths left of 0 at {listed(hurt)} of the {above} points where it always passes."
    )


def _panel(records: pl.DataFrame, bound: float, rule: str) -> Panel:
    ends = grid(records, f"figure 4, L = {bound:g}", "outcome", rule)
    used = int(ends.values.max()) + 1
    classes = _CLASSES[: max(2, used)]
    frictions = np.linspace(0, 5, 201)
    rest = frictions * (1 - 2 / bound) if rule == _RULE else np.maximum(frictions - 2 / bound, 0)
    curves = [
        Curve("α² = 8m (flow)", _FLOW, frictions, frictions**2 / 8),
        Curve("√(8m) = α − 2h (scheme)", _SCHEME, frictions, rest**2 / 8),
    ]
    shades = Map("", ends.frictions, ends.masses, ends.values, classes=classes)
    return Panel(f"L = {bound:g}, {rule}", "friction α", "mass m", [shades, *curves], xlim=(0, 5), ylim=(0, 5))


def _counts_row(records: pl.DataFrame, bound: float, rule: str) -> list[str]:
    _, points, scheme, flow, near = _counts(records, bound, rule)
    ends = grid(records, f"figure 4, L = {bound:g}", "outcome", rule).values
    odd = f" ({int((ends > 1).sum())} circle or diverge)" if (ends > 1).any() else ""
    return [f"L = {bound:g}, {rule}", f"{points:,}", f"{scheme}{odd}", str(flow), str(near)]


def _counts(records: pl.DataFrame, bound: float, rule: str) -> tuple[float, int, int, int, int]:
    name = f"figure 4, L = {bound:g}"
    ends = grid(records, name, "outcome", rule).values
    scheme = grid(records, name, "passes, scheme", rule).values > 0
    flow = grid(records, name, "passes, flow", rule).values > 0
    off_scheme = np.where(scheme, ends != 1, ends != 0)
    off_flow = np.where(flow, ends != 1, ends != 0)
    near = off_flow & beside(flow)
    return bound, ends.size, int(off_scheme.sum()), int(off_flow.sum()), int(near.sum())


def _shares(records: pl.DataFrame, rate: str, when: str = "end") -> tuple[Grid, np.ndarray, np.ndarray]:
    name = f"subsampling, {rate}"
    passes = grid(records, name, "passes, flow", rate).values > 0
    can = grid(records, name, "can pass, split", rate).values > 0
    return grid(records, name, f"share right of 0, {when}", rate), passes, can


def _shares_row(records: pl.DataFrame, rate: str) -> list[str]:
    shares, passes, can = _shares(records, rate)
    half, _, _ = _shares(records, rate, "half")
    changing = (half.high < shares.low) | (shares.high < half.low)
    is_full = math.isinf(float(rate.removeprefix("rate ")))
    return [
        "∞ (full gradient)" if is_full else rate.removeprefix("rate "),
        f"{(shares.low[~passes] > 0).sum()} of {(~passes).sum()}",
        f"{(shares.high[passes] < 1).sum()} of {passes.sum()}",
        f"{(shares.values[~can] > 0).sum()} of {(~can).sum()}",
        f"{changing.sum()} of {changing.size}",
    ]


def _share_panel(records: pl.DataFrame, rate: str) -> Panel:
    shares, _, _ = _shares(records, rate)
    frictions = np.linspace(0, 5, 201)
    number = rate.removeprefix("rate ")
    contents = [
        Map("share of paths right of 0", shares.frictions, shares.masses, shares.values, limits=(0.0, 1.0)),
        Curve("α² = 8m", Look("#D55E00"), frictions, frictions**2 / 8),
        Curve("α² = 16m", Look("#D55E00", (4.0, 1.6)), frictions, frictions**2 / 16),
    ]
    title = "full gradient" if number == "inf" else f"rate κ = {number}"
    return Panel(title, "friction α", "mass m", contents, xlim=(0, 5), ylim=(0, 5))
