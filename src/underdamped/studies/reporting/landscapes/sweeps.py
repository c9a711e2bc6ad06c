"""The mass, its loss and the batch size, one at a time."""

import polars as pl

from underdamped.studies.reporting.landscapes.words import apart, listed, more_less_none, names_of, of, verdict
from underdamped.studies.reporting.plots import Curve, Look, Panel, looks
from underdamped.studies.reporting.report import Picture, Section

_KEPT = "constant mass"
_XLABEL, _YLABEL = "mass, mL/α²", "share in the global basin"


def section(records: pl.DataFrame) -> Section | None:
    """Shares against the mass."""
    rows = of(records, "mass")
    problems = names_of(rows, "problem")
    if not problems:
        return None
    losses, batches = names_of(rows, "series"), sorted(rows.filter(pl.col("y") <= 5)["y"].unique().to_list())
    single = rows.filter(pl.col("y") == 1)
    look = looks(losses)
    by_loss = [
        Panel(name, _XLABEL, _YLABEL, [_curve(single, name, loss, loss, look[loss]) for loss in losses],
              xscale="log or zero") for name in problems
    ]  # fmt: skip
    kept = rows.filter(pl.col("series") == _KEPT)
    names = {**{batch: f"batch of {batch:g}" for batch in batches}, None: "full gradient"}
    look = looks(list(names.values()))
    by_batch = []
    for name in problems:
        largest = kept.filter(pl.col("problem") == name)["y"].max()
        curves = [
            _curve(kept.filter(pl.col("y") == (largest if batch is None else batch)), name, _KEPT, words, look[words])
            for batch, words in names.items()
        ]
        by_batch.append(Panel(name, _XLABEL, _YLABEL, curves, xscale="log or zero"))
    return Section(
        "Mass, its loss and the batch size, one at a time",
        [
            "The scheme with the step of rule (38), h = α/L, at which mL/α² is also m/(αh), the number of steps a "
            "velocity lives. At a given step the spread that noisy gradients sustain depends, to first order, on h/α "
            "and not on the mass: losing the mass does not cool a run as a falling learning rate does.",
            *_sentences(single, problems, losses),
            Picture("mass-loss", by_loss, "Batches of one component. Bands are 95 % Wilson intervals; mass 0 is SGD."),
            Picture(
                "mass-batch",
                by_batch,
                "Constant mass. Larger batches leave fewer steps at the same number of gradients, and less noise; a "
                "single component at a time is the scheme's fastest switching with the most noise.",
            ),
        ],
    )


def _sentences(single: pl.DataFrame, problems: list[str], losses: list[str]) -> list[str]:
    masses = sorted(single["x"].unique().to_list())
    lost = [loss for loss in losses if loss != _KEPT]
    number = len(problems) * (len(masses) - 1) * (len(lost) + 1)

    def at(problem: str, loss: str, mass: float) -> dict:
        chosen = (pl.col("problem") == problem) & (pl.col("series") == loss) & (pl.col("x") == mass)
        return single.filter(chosen).row(0, named=True)

    moved = []
    for name in problems:
        clear = [
            (m, gap) for m in masses[1:] if (gap := apart(at(name, _KEPT, m), at(name, _KEPT, 0.0), number)).is_clear
        ]
        for words, those in (("raises", [m for m, g in clear if g.difference > 0]),
                             ("lowers", [m for m, g in clear if g.difference < 0])):  # fmt: skip
            if those:
                moved.append(f"{words} the share on {name} at mL/α² = {listed([f'{m:g}' for m in those])}")
    first = (
        f"Compared with no mass at all, a constant mass {'; it '.join(moved)}; at no other point is there a clear "
        f"difference."
        if moved
        else "Compared with no mass at all, no constant mass raises or lowers the share clearly on any landscape."
    )
    heaviest = masses[-1]
    second = [
        f"At the heaviest mass, {heaviest:g}, the share where {loss} is, compared with the constant mass: "
        + verdict(*more_less_none((n, apart(at(n, loss, heaviest), at(n, _KEPT, heaviest), number)) for n in problems))
        + "."
        for loss in lost[-1:]
    ]
    return [f"{first} {' '.join(second)} (Newcombe’s intervals, {number} together at 95 %.)"]


def _curve(rows: pl.DataFrame, problem: str, series: str, label: str, look: Look) -> Curve:
    chosen = rows.filter((pl.col("problem") == problem) & (pl.col("series") == series)).sort("x")
    x, value, low, high = (chosen[column].to_numpy() for column in ("x", "value", "low", "high"))
    return Curve(label, look, x, value, low, high)
