"""The page of the convex study: Fig. 5, real regressions with wins, ties and losses, and the stationary spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from underdamped.studies.reporting import descent
from underdamped.studies.reporting.contests import Standing, contest, figures, in_units, listed, result, standings
from underdamped.studies.reporting.report import Block, Page, Section, Table

FIGURE_5, SPREAD, WARNINGS = "Fig. 5", "stationary spread", "warnings"
TITLES = {
    "diabetes": "Ridge regression on the diabetes data",
    "breast-cancer": "Logistic regression on the breast-cancer data",
    "digits": "Multinomial logistic regression on the digits",
}
_OURS = ("hSGMP", "dmSGMP")
_RULE, _TUNED = "by rule (38)", "tuned"
_OWN = {
    "classical momentum": "ρ={:g}", "Nesterov": "ρ={:g}", "AdamW": "β₂={:g}", "Polyak averaging": "average from {:g} T",
    "Schedule-Free SGD": "β₁={:g}", "hSGMP": "m={:g}/L", "dmSGMP": "1 % of 9/L at {:g} T",
}  # fmt: skip
_WIDE = 0.1  # a slope whose interval reaches further to each side says too little


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the convex study as a page.

    Args:
        records: Rows of the experiments that are done; the page shows those.
        config: The configuration; ``batch_size``, ``steps`` and ``step_factor`` are looked at, any may be missing.
        environment: Where it ran; ``experiments``, if it is there, names all that were asked for.

    Returns:
        The page.
    """
    parts = {str(name): part for (name,), part in records.group_by("experiment", maintain_order=True)}
    real = [name for name in parts if name in TITLES]
    missing = [name for name in environment.get("experiments", ()) if name not in parts]
    lead, sections = [], []
    if FIGURE_5 in parts:
        lead.append(_figure5_sentence(parts[FIGURE_5]))
        sections.append(Section("Fig. 5: random quadratics", _figure5_blocks(parts[FIGURE_5], config)))
    if real:
        lead.append(_conclusion({name: parts[name] for name in real}))
    sections += [Section(TITLES[name], _real_blocks(name, parts[name])) for name in real]
    if SPREAD in parts:
        lead.append(_spread_sentence(parts[SPREAD]))
        sections.append(Section("Stationary spread", [descent.spread(parts[SPREAD]), _spread_table(parts[SPREAD])]))
    if missing:
        lead.append(f"The run is not finished: {listed(missing)} {'is' if len(missing) == 1 else 'are'} missing.")
    if WARNINGS in parts:
        sections.insert(0, Section("Assumptions that are not met", parts[WARNINGS]["series"].to_list()))
    if real:
        sections.append(Section("What to notice", _notes(config)))
    return Page("Convex problems: SGD, momentum, and momentum that is lost", lead, sections)


def summary(records: pl.DataFrame) -> pl.DataFrame:
    """The result as a small table for the terminal.

    Args:
        records: As for ``page``.

    Returns:
        One row an experiment and method: ``experiment``, ``method``, ``measured`` and ``value`` with its interval.
    """
    rows: list[tuple[str, str, str, str]] = []
    for (name, setting), part in records.group_by("experiment", "setting", maintain_order=True):
        if name == FIGURE_5:
            found, measured = standings(part, "distance"), "final distance"
        elif name in TITLES and setting == _TUNED:
            found, measured = standings(part, "gap"), "final gap, tuned"
        else:
            continue
        law = f" {setting}" if str(setting).startswith("r=") else ""
        rows += [(str(name), f"{item.name}{law}", measured, _cell(item)) for item in found]
    slopes = records.filter((pl.col("experiment") == SPREAD) & (pl.col("quantity") == "slope"))
    rows += [(SPREAD, s["series"], "slope in h", figures(s["value"], s["low"], s["high"])) for s in slopes.to_dicts()]
    return pl.DataFrame(rows, schema=["experiment", "method", "measured", "value [95 %]"], orient="row")


def _figure5_sentence(rows: pl.DataFrame) -> str:
    sgd = standings(rows.filter(pl.col("series") == "SGD"), "distance")[0]
    last = int(rows.filter(pl.col("quantity") == "distance")["x"].max())  # pyright: ignore[reportArgumentType]
    count = len(sgd.values)
    text = f"Fig. 5, {count} random problem{'s' if count > 1 else ''}, after {last} iterations: "
    if sgd.diverged:
        text += f"SGD diverged on {sgd.diverged} of them."
    else:
        text += f"SGD is at a mean distance of {_cell(sgd)} from the minimiser."
    gone = [item for item in standings(rows.filter(pl.col("series") != "SGD"), "distance") if item.diverged]
    if gone:
        text += (
            f" Of SGMP diverged: {listed([f'{item.name} ({item.diverged} of {len(item.values)})' for item in gone])}."
        )
    if sgd.diverged:
        return text
    comparable = ~pl.col("series").is_in([item.name for item in gone])
    ratios = rows.filter((pl.col("quantity") == "final distance / SGD's") & comparable)
    verdicts = (
        ("ends closer to it than SGD", pl.col("high") < 1),
        ("ends farther from it than SGD", pl.col("low") > 1),
        ("cannot be told from SGD", (pl.col("low") <= 1) & (pl.col("high") >= 1)),
        ("has no interval to be judged by", pl.col("low").is_null()),
    )
    for verdict, condition in verdicts:
        those = ratios.filter(condition)
        if 0 < those.height == ratios.height:
            text += f" SGMP {verdict} with every mass."
        elif those.height:
            text += f" SGMP {verdict} with {'; '.join(_by_law(those))}."
    shown = [
        f"{figures(row['value'], row['low'], row['high'])} for {law}"
        for row, law in zip(ratios.to_dicts(), _laws(ratios), strict=True)
        if row["setting"] == "constant"
    ]
    if shown:
        text += f" Divided by SGD's on the same problem, the distance is {listed(shown)}."
    return text


def _laws(ratios: pl.DataFrame) -> list[str]:
    """The mass of each row in words."""
    masses = [name.rpartition("=")[2] for name in ratios["series"]]
    return [
        f"m = {mass}" if panel == "constant" else f"m = {mass}·{panel.removeprefix('r=')}ⁿ"
        for mass, panel in zip(masses, ratios["setting"], strict=True)
    ]


def _by_law(ratios: pl.DataFrame) -> list[str]:
    return [listed(_laws(part)) for part in ratios.partition_by("setting", maintain_order=True)]


def _figure5_blocks(rows: pl.DataFrame, config: Mapping[str, Any]) -> list[Block]:
    last = int(rows.filter(pl.col("quantity") == "distance")["x"].max())  # pyright: ignore[reportArgumentType]
    at = sorted({n for n in (10, 100, last) if n <= last})
    body = []
    for (name, panel), part in rows.group_by("series", "setting", maintain_order=True):
        cells = []
        for n in at:
            found = part.filter((pl.col("quantity") == "distance") & (pl.col("x") == n)).row(0, named=True)
            cells.append(figures(found["value"], found["low"], found["high"]))
        sd = part.filter((pl.col("quantity") == "distance sd") & (pl.col("x") == last))["value"][0]
        ratio = part.filter(pl.col("quantity") == "final distance / SGD's").to_dicts()
        unstable = part.filter(pl.col("quantity") == "unstable steps")["value"][0]
        label = f"{name}\n{panel}" if str(panel).startswith("r=") else str(name)
        shown = figures(ratio[0]["value"], ratio[0]["low"], ratio[0]["high"]) if ratio else "1"
        body.append([label, *cells, figures(sd), shown, f"{unstable:.0f}"])
    columns = ["method", *(f"n = {n}" for n in at), f"sd, n = {last}", f"ratio to SGD, n = {last}", "unstable steps"]
    caption = (
        "Distances |qₙ − θ*|: means over problems with 95 % t-intervals. Ratio: geometric mean over problems of the "
        "final distance divided by SGD's on the same problem and batches, with its interval. Unstable steps: those at "
        "or beyond the stability limit of the greatest possible curvature."
    )
    crossings = _crossings(rows)
    reading = [_SHORT_STEPS] if config.get("step_factor", 1.0) == 1 else []  # it speaks of the steps of the rule
    return [*reading, descent.figure5(rows), *([crossings] if crossings else []), Table(columns, body, caption)]


_SHORT_STEPS = (
    "How to read a gain: the steps h/(n+1) sum up to h·log n only, so that along a curvature λ the error of SGD falls "
    "like n to the power −λh/α, with h = α/L by rule (38) like n^(−λ/L): n^(−1/2) at the mean of eigenvalues that lie "
    "evenly below L. These steps are too short. SGMP keeps an older, longer step’s velocity and so goes farther with "
    "them; its gain over SGD is one over such steps, and need not be there with longer ones."
)


def _crossings(rows: pl.DataFrame) -> str:
    """When each constant mass overtakes SGD for good: momentum is paid for at the start."""
    distance = rows.filter(pl.col("quantity") == "distance")
    sgd = distance.filter(pl.col("series") == "SGD").sort("x")["value"].to_numpy()
    found = []
    for (name,), part in distance.filter(pl.col("setting") == "constant").group_by("series", maintain_order=True):
        ahead = part.sort("x")["value"].to_numpy() < sgd
        if ahead[-1]:
            found.append(f"{name} from n = {len(ahead) - int(np.argmin(ahead[::-1]))} on")
    return f"Mean distance below SGD's: {'; '.join(found)}." if found else ""


def _real_blocks(name: str, rows: pl.DataFrame) -> list[Block]:
    facts = {row["quantity"]: row["value"] for row in rows.filter(pl.col("series") == "problem").to_dicts()}
    text = (
        f"N = {facts['components N']:.0f} components in dimension K = {facts['dimension K']:.0f}; "
        f"L = {facts['Lipschitz constant L']:.3g} for every component, least curvature at the minimiser "
        f"{facts['least curvature at the minimiser']:.3g}. The true minimiser was found by Newton's method to a "
        f"gradient norm of {facts['gradient norm at the minimiser']:.0e}."
    )
    by_rule = _contest_sentence(name, rows, _RULE)
    return [text, by_rule, *descent.against_cost(name, rows), _real_table(rows)]


def _contest_sentence(name: str, rows: pl.DataFrame, setting: str) -> str:
    ended = standings(rows.filter(pl.col("setting") == setting), "gap")
    others = [item for item in ended if item.name not in _OURS]
    ours = [item for item in ended if item.name in _OURS]
    how = "every method tuned over as many settings" if setting == _TUNED else "steps by rule (38)"
    text = f"{TITLES[name]}, {how}: by the final objective gap {'; '.join(contest(item, others) for item in ours)}."
    gone = [f"{item.name} ({item.diverged} of {len(item.values)} runs)" for item in ended if item.diverged]
    if gone:
        text += f" Diverged: {listed(gone)}."
    return text


def _conclusion(parts: Mapping[str, pl.DataFrame]) -> str:
    """All tuned comparisons together: where ours win and lose, by name, and how many are ties."""
    sentences = []
    for name in _OURS:
        found: dict[str, dict[str, list[str]]] = {"wins": {}, "loses": {}, "ties": {}}
        for problem, rows in parts.items():
            ended = {item.name: item for item in standings(rows.filter(pl.col("setting") == _TUNED), "gap")}
            for other in ended.values():
                outcome = result(ended[name], other) if other.name not in _OURS else None
                if outcome:
                    found[outcome].setdefault(other.name, []).append(problem)
        total = sum(len(problems) for others in found.values() for problems in others.values())
        if total:
            ties = sum(map(len, found["ties"].values()))
            wins, losses = (
                listed([f"{other} ({', '.join(problems)})" for other, problems in found[kind].items()] or ["none"])
                for kind in ("wins", "loses")
            )
            sentences.append(f"{name} ties in {ties} of {total} comparisons; it wins against {wins}; it "
                             f"loses to {losses}.")  # fmt: skip
    names = listed(list(parts))
    if not sentences:
        return f"Real data ({names}): one seed gives no interval, and so no ranking."
    return (
        f"Real data ({names}), every method tuned over as many settings, by the final objective gap: "
        f"{' '.join(sentences)} A win or a loss is called only where 95 % intervals do not overlap; of many such "
        "comparisons some go wrong by chance."
    )


def _real_table(rows: pl.DataFrame) -> Table:
    by_rule, tuned = (standings(rows.filter(pl.col("setting") == setting), "gap") for setting in (_RULE, _TUNED))
    far = standings(rows.filter(pl.col("setting") == _TUNED), "distance")
    L = rows.filter(pl.col("quantity") == "Lipschitz constant L")["value"][0]
    columns, cells = ["method, tuned"], []
    for heading, column in (("gap, tuned", tuned), ("distance, tuned", far), ("gap by rule (38)", by_rule)):
        unit, shown = in_units(column)
        columns.append(f"{heading}{f' ({unit})' if unit else ''}")
        cells.append(shown)
    body = []
    for item, *three in zip(tuned, *cells, strict=True):
        ratio = rows.filter((pl.col("series") == item.name) & (pl.col("quantity") == "time a step / SGD's")).to_dicts()
        time = figures(ratio[0]["value"], ratio[0]["low"], ratio[0]["high"]) if item.name != "SGD" else "1"
        body.append([f"{item.name}\n{_setting(rows, item.name, L)}", *three, time])
    caption = (
        "Geometric means over seeds at the last step, with 95 % t-intervals. Small print: the setting that tuning "
        "chose; h is the effective learning rate, h/α or η/(1−ρ); “fading” is h/(1+100n/T); dmSGMP begins with mass "
        "9/L and has 1 % of it left at that share of the T steps. An asterisk: the step lies at the edge of the grid, "
        "so a better one may lie beyond."
    )
    return Table([*columns, "time a step / SGD's"], body, caption)


def _setting(rows: pl.DataFrame, method: str, L: float) -> str:
    part = rows.filter((pl.col("series") == method) & (pl.col("setting") == _TUNED))
    chosen = {row["quantity"]: row["value"] for row in part.to_dicts() if row["x"] is None}
    in_rule = float(f"{chosen['step'] * L:.2g}")  # two figures, and no exponent
    step = f"h={chosen['step']:.2g}" if method == "AdamW" else f"h={in_rule:g}/L"
    words = [step + ("*" if chosen["at the edge of the grid"] else ""), "fading" if chosen["fade"] else "constant"]
    words += [_OWN[method].format(chosen["own"])] if method in _OWN else []
    return ", ".join(words)


def _spread_sentence(rows: pl.DataFrame) -> str:
    judged = [_slope(rows, name) for name in _settled(rows)]
    return (
        "Stationary spread with constant steps: E|q − θ*|² grows like h to the power of its slope, 1 for small steps. "
        f"Measured against exact: {'; '.join(judged)}."
    )


def _settled(rows: pl.DataFrame) -> list[str]:
    return rows.filter(pl.col("quantity") == "slope")["series"].to_list()


def _slope(rows: pl.DataFrame, name: str) -> str:
    part = rows.filter(pl.col("series") == name)
    slope = part.filter(pl.col("quantity") == "slope").row(0, named=True)
    exact = part.filter(pl.col("quantity") == "exact slope")["value"][0]
    shown = f"{name} {figures(slope['value'], slope['low'], slope['high'])} against {exact:.3f}"
    if not np.isfinite(exact) or not np.isfinite(slope["value"]):
        return f"{shown}: no verdict: some steps are not stable"
    if slope["low"] is None:
        return f"{shown}: no verdict: one run has no interval"
    half = (slope["high"] - slope["low"]) / 2
    if half > _WIDE:
        return f"{shown}: no verdict: the ensemble is too small (interval ± {half:.2g})"
    if slope["low"] <= exact <= slope["high"]:
        return f"{shown}: agrees"
    return f"{shown}: does not agree: the interval misses the exact slope by {abs(slope['value'] - exact) - half:.2g}"


def _spread_table(rows: pl.DataFrame) -> Table:
    body = []
    for name in _settled(rows):
        part = rows.filter(pl.col("series") == name)
        exact = {
            r["x"]: r["value"] for r in part.filter(pl.col("quantity") == "exact spread at a measured step").to_dicts()
        }
        for row in part.filter(pl.col("quantity") == "measured spread").to_dicts():
            measured = figures(row["value"], row["low"], row["high"])
            body.append([f"{name}, hL/α = {row['x']:g}", measured, figures(exact[row["x"]])])
    caption = "E|q − θ*|² in the stationary law. Measured: time averages, mean over runs with its 95 % t-interval."
    return Table(["method", "measured", "exact"], body, caption)


def _notes(config: Mapping[str, Any]) -> Sequence[str]:
    budget = f"{config['steps']} steps with batches of {config['batch_size']}" if "steps" in config else "their steps"
    return [
        f"Budgets are equal: every method takes {budget}, the same batches seed by seed, and is tuned over the same "
        "number of settings by the mean final gap on other batches than those reported. Which settings are worth "
        "trying is a choice of ours; another grid may favour another method. SGD has no parameter of its own, so "
        "that its grid of steps is twice as fine, which helps it where little but the step matters.",
        "With a constant step hSGMP is classical momentum in other letters (m = αhρ/(1−ρ)): where both have the same "
        "factor of momentum and effective rate, as by rule (38), their curves coincide. They differ where the step "
        "decreases: SGMP then keeps its mass, and so more and more of its velocity.",
        "AdamW runs without weight decay: decoupled decay would lead it to another point than θ*. Rule (38) says "
        "nothing about Adam, which ignores the scale of gradients; its step there is 0.001, the usual one.",
        "Rule (38) takes the L of the worst single component, which is safe for every batch and, where components "
        "differ much, far below what the mean would bear.",
        "Polyak averaging and Schedule-Free SGD are judged at an average of iterates, the others at their last "
        "iterate. An average can be taken of SGMP's iterates too; it is not done here.",
    ]


def _cell(item: Standing) -> str:
    if item.diverged:
        return f"diverged ({item.diverged} of {len(item.values)})"
    return figures(item.mean, item.low, item.high)
