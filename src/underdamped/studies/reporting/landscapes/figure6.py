"""Fig. 6: does SGMP settle lower than SGD, and does a smaller mass fall faster?"""

import polars as pl

from underdamped.studies.reporting.landscapes.words import listed, names_of
from underdamped.studies.reporting.plots import Curve, Panel, looks
from underdamped.studies.reporting.report import Picture, Section

_FAIR, _SAME_STEP = "SGD η=h/α", "SGD η=h"
_PREFIX = "Fig. 6, "


def section(records: pl.DataFrame) -> Section | None:
    """The curves for both steps, and the two findings of the paper held against them."""
    rows = _rows(records)
    if rows.is_empty():
        return None
    series = names_of(rows, "series")
    look = looks(series)
    runs = rows["runs"].max()
    panels = []
    for experiment in names_of(rows, "experiment"):
        for fall in (False, True):
            curves = [_curve(rows, experiment, name, look[name]) for name in series
                      if name.startswith("SGD") or ("ᵏ" in name) is fall]  # fmt: skip
            title = f"{experiment.removeprefix(_PREFIX)}, mass {'falling' if fall else 'constant'}"
            panels.append(Panel(title, "iteration k", "mean objective per coordinate", curves))
    return Section(
        "Fig. 6: random quartics",
        [
            "Printed is Φᵢ(x) = −(N/2) xᵀAᵢx + N bᵢᵀx + ¼ Σⱼ xⱼ⁴, without a step size, and its scale does not follow from "
            "that. Here everything is divided by N and written in q = x/√N, which changes neither mass nor friction nor "
            "time: −½ qᵀAᵢq + bᵢᵀq/√N + ¼ Σⱼ qⱼ⁴, started from q ~ N(0, I), which is x ~ N(0, N I). The step is rule "
            "(38), h = α/L, for two readings of L: 15, the curvature at the minima and the largest eigenvalue of Aᵢ as "
            "in Fig. 5; and 45, which bounds the curvature wherever a path without friction would go. α = 0.2 for SGMP; "
            "SGD is shown with the same step, η = h, and with the same effective learning rate, η = h/α.",
            *findings(records),
            Picture(
                "figure-6",
                panels,
                f"Mean over {runs} random problems, every method on the same start and batches, with 95 % t-intervals. "
                "Both SGD curves are the same in the panels side by side.",
            ),
        ],
    )


def findings(records: pl.DataFrame) -> list[str]:
    """For each step what is true of the paper's two findings, from differences on the same problem."""
    rows = _rows(records).filter(pl.col("quantity") == "difference")
    sentences = []
    for experiment in names_of(rows, "experiment"):
        here = rows.filter(pl.col("experiment") == experiment)
        steps = sorted(here["x"].unique().to_list())
        masses = [name for name in names_of(here, "series") if not name.startswith("SGD")]
        early, late = steps[0], steps[-1]
        settled = f"at iteration {late:.0f}, " + "; ".join(
            f"against {sgd}: {_sides(here, masses, sgd, late)}" for sgd in (_FAIR, _SAME_STEP)
        )
        constant = [name for name in masses if "ᵏ" not in name]
        ordered = [_gap(here, light, heavy, early) for heavy, light in zip(constant, constant[1:], strict=False)]
        if all(gap["high"] is not None and gap["high"] < 0 for gap in ordered):
            fall = f"The smaller the mass the lower the objective at iteration {early:.0f}: reproduced"
        else:
            fall = f"The order of the masses at iteration {early:.0f} is not the paper’s throughout: not reproduced"
        label = experiment.removeprefix(_PREFIX)
        sentences.append(f"Fig. 6 with {label}. Does SGMP settle lower than SGD? {settled[0].upper()}{settled[1:]}. {fall}.")
    return sentences


def _sides(rows: pl.DataFrame, masses: list[str], sgd: str, step: float) -> str:
    lower, higher, unclear = [], [], []
    for name in masses:
        gap = _gap(rows, name, sgd, step)
        if gap["low"] is None or gap["low"] <= 0 <= gap["high"]:
            unclear.append(name)
        else:
            (lower if gap["high"] < 0 else higher).append(name)
    words = ((lower, "lower"), (higher, "higher"), (unclear, "no clear difference for"))
    return ", ".join(
        f"{word} {listed(names)}" if word.startswith("no") else f"{word} with {listed(names)}"
        for names, word in words if names
    )  # fmt: skip


def _gap(rows: pl.DataFrame, name: str, other: str, step: float) -> dict:
    chosen = (pl.col("series") == name) & (pl.col("note") == other) & (pl.col("x") == step)
    return rows.filter(chosen).row(0, named=True)


def _rows(records: pl.DataFrame) -> pl.DataFrame:
    return records.filter(pl.col("experiment").str.starts_with(_PREFIX))


def _curve(rows: pl.DataFrame, experiment: str, name: str, look) -> Curve:
    chosen = (pl.col("experiment") == experiment) & (pl.col("series") == name) & (pl.col("quantity") == "objective")
    found = rows.filter(chosen).sort("x")
    return Curve(name, look, *(found[column].to_numpy() for column in ("x", "value", "low", "high")))
