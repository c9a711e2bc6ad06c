"""Fig. 6: does SGMP settle lower than SGD, and does a smaller mass fall faster?"""

from itertools import pairwise

import polars as pl
from scipy import stats

from underdamped.studies.reporting.landscapes.words import listed, names_of
from underdamped.studies.reporting.plots import Curve, Look, Panel, looks
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
            "Printed is Φᵢ(x) = −(N/2) xᵀAᵢx + N bᵢᵀx + ¼ Σⱼ xⱼ⁴, without a step size, and its scale does not follow "
            "from "
            "that. Here everything is divided by N and written in q = x/√N, which changes neither mass nor friction "
            "nor "
            "time: −½ qᵀAᵢq + bᵢᵀq/√N + ¼ Σⱼ qⱼ⁴, started from q ~ N(0, I), which is x ~ N(0, N I). The step is rule "
            "(38), h = α/L, for two readings of L: 15, the curvature at the minima and the largest eigenvalue of Aᵢ as "
            "in Fig. 5; and 45, which bounds the curvature wherever a path without friction would go. α = 0.2 for "
            "SGMP; "
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


def answer(records: pl.DataFrame) -> list[str]:
    """Both of the paper's findings, in one sentence each."""
    rows = _differences(records)
    if rows.is_empty():
        return []
    counts, orders = [], []
    for experiment in names_of(rows, "experiment"):
        here, label = rows.filter(pl.col("experiment") == experiment), experiment.removeprefix(_PREFIX)
        masses, late = _masses(here), max(here["x"])
        sides = {
            sgd: [_side(_gap(rows, experiment, name, sgd, late)) for name in masses] for sgd in (_FAIR, _SAME_STEP)
        }
        told = " and ".join(
            f"{there.count('lower')} settle lower than {sgd}, {there.count('higher')} higher, {there.count('none')} "
            "neither"
            for sgd, there in sides.items()
        )
        counts.append(f"with {label}, of {len(masses)} choices of mass {told}")
        orders.append(f"{_order(rows, experiment)} with {label}")
    return [
        f"Fig. 6, “SGMP settles lower than SGD”: at iteration {max(rows['x']):.0f}, {'; '.join(counts)}. “A smaller "
        f"mass "
        f"falls faster early”: {'; '.join(orders)}. ({_family_words(rows)})"
    ]


def findings(records: pl.DataFrame) -> list[str]:
    """For each step, which masses settle lower than which SGD."""
    rows = _differences(records)
    sentences = []
    for experiment in names_of(rows, "experiment"):
        here, label = rows.filter(pl.col("experiment") == experiment), experiment.removeprefix(_PREFIX)
        late = max(here["x"])
        parts = [f"compared with {sgd}, {_sides(rows, experiment, sgd, late)}" for sgd in (_FAIR, _SAME_STEP)]
        sentences.append(
            f"With {label}, at iteration {late:.0f}: {'; '.join(parts)}. ({_family_words(rows)} “none” where they hold "
            "0.)"
        )
    return sentences


def _order(rows: pl.DataFrame, experiment: str) -> str:
    """Whether lighter is lower early on. An interval that holds 0 shows neither that it is nor that it is not."""
    here = rows.filter(pl.col("experiment") == experiment)
    early = min(here["x"])
    constant = [name for name in _masses(here) if "ᵏ" not in name]
    sides = {_side(_gap(rows, experiment, light, heavy, early)) for heavy, light in pairwise(constant)}
    if sides == {"lower"}:
        return f"reproduced (iteration {early:.0f})"
    if "higher" in sides:
        return f"contradicted (iteration {early:.0f})"
    return f"no verdict (iteration {early:.0f}, intervals too wide)"


def _sides(rows: pl.DataFrame, experiment: str, sgd: str, step: float) -> str:
    """Lower, higher or none, for constant and for falling mass."""
    parts = []
    for words, falling in (("constant mass", False), ("falling mass", True)):
        names = [name for name in _masses(rows.filter(pl.col("experiment") == experiment)) if ("ᵏ" in name) is falling]
        told = [
            f"{side} for m={listed(those)}"
            for side in ("lower", "higher", "none")
            if (those := [_initial(n) for n in names if _side(_gap(rows, experiment, n, sgd, step)) == side])
        ]
        parts.append(f"{words} {', '.join(told)}")
    return " and ".join(parts)


def _initial(name: str) -> str:
    return name.removeprefix("SGMP m=").partition("·")[0]


def _side(gap: dict) -> str:
    if gap["low"] is None or gap["low"] <= 0 <= gap["high"]:
        return "none"
    return "lower" if gap["high"] < 0 else "higher"


def _masses(rows: pl.DataFrame) -> list[str]:
    return [name for name in names_of(rows, "series") if not name.startswith("SGD")]


def _differences(records: pl.DataFrame) -> pl.DataFrame:
    return _rows(records).filter(pl.col("quantity") == "difference")


def _gap(rows: pl.DataFrame, experiment: str, name: str, other: str, step: float) -> dict:
    """A mean difference; its interval is widened from one of 95 % to one of a family that holds together with 95 %."""
    which = {"experiment": experiment, "series": name, "note": other, "x": step}
    gap = rows.filter(*(pl.col(column) == value for column, value in which.items())).row(0, named=True)
    if gap["low"] is None:
        return gap
    family, single = stats.t.ppf([1 - 0.025 / _family(rows), 0.975], gap["runs"] - 1)
    margin = (gap["high"] - gap["low"]) / 2 * family / single
    return gap | {"low": gap["value"] - margin, "high": gap["value"] + margin}


def _family(rows: pl.DataFrame) -> int:
    """All comparisons that are made: with each SGD at the end, and of neighbouring constant masses early on."""
    number = 0
    for experiment in names_of(rows, "experiment"):
        masses = _masses(rows.filter(pl.col("experiment") == experiment))
        number += 2 * len(masses) + max(sum("ᵏ" not in name for name in masses) - 1, 0)
    return number


def _family_words(rows: pl.DataFrame) -> str:
    return (
        f"Mean differences on the same problem; all {_family(rows)} t-intervals hold together with 95 %, by Bonferroni."
    )


def _rows(records: pl.DataFrame) -> pl.DataFrame:
    return records.filter(pl.col("experiment").str.starts_with(_PREFIX))


def _curve(rows: pl.DataFrame, experiment: str, name: str, look: Look) -> Curve:
    chosen = (pl.col("experiment") == experiment) & (pl.col("series") == name) & (pl.col("quantity") == "objective")
    found = rows.filter(chosen).sort("x")
    x, value, low, high = (found[column].to_numpy() for column in ("x", "value", "low", "high"))
    return Curve(name, look, x, value, low, high)
