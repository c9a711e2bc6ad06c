"""Figure 4 of the report, and what subsampling makes of it: maps over friction and mass."""

import math

import numpy as np
import polars as pl

from underdamped.studies.reporting.false_minimum.tables import Grid, Verdict, beside, grid, judged, listed, select
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
_PASSED, _RIGHT = "share passed, end", "share right of 0, end"


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
    """The scheme against its own boundary; and against the flow's, from which it differs between the two curves."""
    found = []
    for bound in bounds(records):
        ends, scheme, flow = _ends(records, bound, _RULE)
        wrong, between = _wrong_side(ends, flow), scheme != flow
        off, odd = int(_wrong_side(ends, scheme).sum()), int((wrong != between).sum())
        found += [
            Verdict(
                f"Fig. 4, L = {bound:g}: scheme",
                "it passes where α(1 − 2/L) < √(8m)",
                f"{off} of {ends.size:,} off",
                judged(off, ends.size),
            ),
            Verdict(
                f"Fig. 4, L = {bound:g}: against the flow",
                f"{between.sum():,} points, those between the two curves, end otherwise than the flow",
                f"{wrong.sum():,} of {ends.size:,}, {(wrong & ~beside(flow)).sum():,} further than a cell from α² = 8m",
                judged(odd, ends.size),
            ),
        ]
    return found


def subsampling(records: pl.DataFrame, paths: int, duration: float, step: float) -> Section:
    """The maps by the rate of switching: who has passed, and where the paths are."""
    how = f"{paths:,} paths a point, up to time T = {duration:g}"
    passed = (
        f"Share of paths that have been right of 0 by T: P(max q > 0) over times at most {step:g} apart ({how}). "
        "The flow sees one term of the potential at a time, 2(max(x, 0) − 1)² or 2x², redrawn at the rate κ; at an "
        "infinite rate it sees both. Solid: α² = 8m, where the full gradient begins to pass. Dashed: α² = 16m; with "
        "less mass no path passes, at any finite rate."
    )
    right = f"Share of paths that are right of 0 at T: those that passed, less those that have come back ({how})."
    table = Table(
        [
            "rate κ",
            "a path passes below α² = 8m",
            "all pass above it",
            "a path passes below α² = 16m",
            "of these some are back at T",
            "still passing",
        ],
        [_shares_row(records, rate) for rate in rates(records)],
        f"Points of the grid, of those on the named side (below: less mass). At each, {how}. A path is one "
        "at least: the 95 % Wilson interval then leaves out 0, or 1. Last column: points whose shares of paths that "
        "have passed by T/2 and by T have disjoint intervals.",
    )
    words = (
        "The noise is that of a split, not of a tilt: at 0, from the left, both terms are flat, so the noise vanishes "
        "with the gradient and cannot push a path over by itself. It passes only by what a long stay with the second "
        "term does, whose curvature there is 4 in place of 2. Right of 0 the terms have different minimisers, 1 and 0: "
        "at a finite rate nothing settles there, and a path that passed may come back."
    )
    pictures = [
        Picture("subsampling", [_share_panel(records, rate, _PASSED) for rate in rates(records)], passed),
        Picture("subsampling-right", [_share_panel(records, rate, _RIGHT) for rate in rates(records)], right),
    ]
    return Section("Under subsampling (not in the paper)", [words, *pictures, table])


def verdicts_of_subsampling(records: pl.DataFrame) -> list[Verdict]:
    """The infinite rate against the flow, the finite ones against the bound for splits."""
    found = []
    for rate in rates(records):
        passed, passes, can = _shares(records, rate, _PASSED)
        if rate == "rate inf":
            duration = select(records, f"subsampling, {rate}", "duration")["value"].item()
            when = grid(records, f"subsampling, {rate}", "time of passing, flow", rate).values
            # Within 1 % of the end the step of the integrator, and of the times, would decide.
            late = passes & (when > 0.99 * duration)
            off, total = int((((passed.values > 0.5) != passes) & ~late).sum()), int((~late).sum())
            what, predicted = "Full gradient", "it passes where α² < 8m"
            note = f"; {late.sum()} left out, which pass later than {0.99 * duration:.4g}" if late.any() else ""
        else:
            off, total, note = int((passed.values[~can] > 0).sum()), int((~can).sum()), ""
            what, predicted = f"One term at a time, {rate}", "no path passes where α² ≥ 16m"
        found.append(Verdict(what, predicted, f"{off} of {total:,} off{note}", judged(off, total)))
    return found


def what_the_scheme_does(records: pl.DataFrame) -> str:
    """One sentence: how well the two boundaries tell where the scheme comes to rest."""
    found = bounds(records)
    if not found:
        return ""
    counts = [_counts(records, bound, _RULE) for bound in found]
    total, wrong = sum(count[0] for count in counts), sum(count[1] for count in counts)
    right = f"all {total:,} points" if wrong == 0 else f"{total - wrong:,} of {total:,} points"
    return (
        f"With the step h = α/L the scheme comes to rest where its exact boundary α(1 − 2/L) = √(8m) says, at {right}; "
        f"the flow's boundary α² = 8m misjudges {listed([f'{count[2]:,}' for count in counts])} of {counts[0][0]:,} "
        f"points at L = {listed([f'{bound:g}' for bound in found])}."
    )


def what_subsampling_does(records: pl.DataFrame, duration: float) -> str:
    """Two sentences: where paths pass below the curve, and where all do, or some come back, above it."""
    finite = [rate for rate in rates(records) if rate != "rate inf"]
    if not finite:
        return ""
    counts = [_changes(records, rate) for rate in finite]
    helped, every, back = ([f"{count[place]}" for count in counts] for place in range(3))
    _, passes, can = _shares(records, finite[0], _PASSED)
    names = listed([rate.removeprefix("rate ") for rate in finite])
    names = f"the rate{'s' if len(finite) > 1 else ''} {names}"
    return (
        f"Under subsampling, at {names}, some path has passed 0 by time {duration:g} at {listed(helped)} of "
        f"the {(can & ~passes).sum()} points between α² = 8m and α² = 16m, where the full gradient always stops. At "
        f"the {passes.sum()} points where that always passes, every path has at {listed(every)}; of these, at "
        f"{listed(back)} some path is left of 0 again at that time."
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
    points, scheme, flow, near = _counts(records, bound, rule)
    ends, _, _ = _ends(records, bound, rule)
    odd = f" ({int((ends > 1).sum())} circle or diverge)" if (ends > 1).any() else ""
    return [f"L = {bound:g}, {rule}", f"{points:,}", f"{scheme}{odd}", str(flow), str(near)]


def _ends(records: pl.DataFrame, bound: float, rule: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, and whether the scheme and the flow pass by their criteria."""
    quantities = ("outcome", "passes, scheme", "passes, flow")
    ends, scheme, flow = (grid(records, f"figure 4, L = {bound:g}", one, rule).values for one in quantities)
    return ends, scheme > 0, flow > 0


def _wrong_side(ends: np.ndarray, passes: np.ndarray) -> np.ndarray:
    return np.where(passes, ends != 1, ends != 0)


def _counts(records: pl.DataFrame, bound: float, rule: str) -> tuple[int, int, int, int]:
    """Points; how many are on the wrong side of the scheme's boundary, of the flow's, and of these close to it."""
    ends, scheme, flow = _ends(records, bound, rule)
    off_flow = _wrong_side(ends, flow)
    return ends.size, int(_wrong_side(ends, scheme).sum()), int(off_flow.sum()), int((off_flow & beside(flow)).sum())


def _shares(records: pl.DataFrame, rate: str, quantity: str) -> tuple[Grid, np.ndarray, np.ndarray]:
    name = f"subsampling, {rate}"
    passes = grid(records, name, "passes, flow", rate).values > 0
    can = grid(records, name, "can pass, split", rate).values > 0
    return grid(records, name, quantity, rate), passes, can


def _changes(records: pl.DataFrame, rate: str) -> tuple[int, int, int]:
    """Points where a path passes and the flow does not; where all pass as it does; of these, where some came back."""
    passed, passes, _ = _shares(records, rate, _PASSED)
    right, _, _ = _shares(records, rate, _RIGHT)
    all_passed = passes & (passed.values == 1)
    return (
        int((passed.values[~passes] > 0).sum()),
        int(all_passed.sum()),
        int((right.values[all_passed] < 1).sum()),
    )


def _shares_row(records: pl.DataFrame, rate: str) -> list[str]:
    passed, passes, can = _shares(records, rate, _PASSED)
    half, _, _ = _shares(records, rate, "share passed, half")
    changing = half.high < passed.low
    helped, every, back = _changes(records, rate)
    is_full = math.isinf(float(rate.removeprefix("rate ")))
    return [
        "∞ (full gradient)" if is_full else rate.removeprefix("rate "),
        f"{helped} of {(~passes).sum()}",
        f"{every} of {passes.sum()}",
        f"{(passed.values[~can] > 0).sum()} of {(~can).sum()}",
        f"{back} of {every}",
        f"{changing.sum()} of {changing.size}",
    ]


def _share_panel(records: pl.DataFrame, rate: str, quantity: str) -> Panel:
    found, _, _ = _shares(records, rate, quantity)
    frictions = np.linspace(0, 5, 201)
    number = rate.removeprefix("rate ")
    label = "share of paths that passed 0" if quantity == _PASSED else "share of paths right of 0"
    contents = [
        Map(label, found.frictions, found.masses, found.values, limits=(0.0, 1.0)),
        Curve("α² = 8m", Look("#D55E00"), frictions, frictions**2 / 8),
        Curve("α² = 16m", Look("#D55E00", (4.0, 1.6)), frictions, frictions**2 / 16),
    ]
    title = "full gradient" if number == "inf" else f"rate κ = {number}"
    return Panel(title, "friction α", "mass m", contents, xlim=(0, 5), ylim=(0, 5))
