"""The sentences that training records allow: what is best, what cannot be told apart, what to keep in mind."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from underdamped.studies.reporting.outcomes import Mean, Outcome, rank
from underdamped.studies.reporting.statistics import difference

_NEGLIGIBLE = 0.01  # a momentum factor below this changes a step by less than a hundredth


def findings(judged: Sequence[Outcome]) -> str:
    """What the intervals allow to be said about the methods; no ranking where they overlap."""
    ranking = rank(judged)
    if ranking.first is None:
        return _without_intervals(judged)
    first = ranking.first
    after, seeds = f"After {_count(first.epoch, 'epoch')}", _count(first.test.n, "seed")
    if len(judged) == 1:
        return f"{after} the mean test accuracy of {first.name} is {_with_interval(first)} over {seeds}."
    among = " among the methods with an interval" if any(map(_no_interval, ranking.unranked)) else ""
    level = [item.name for item in (first, *ranking.tied) if f"{item.test.mean:.2f}" == f"{first.test.mean:.2f}"]
    if len(level) == 1:
        text = f"{after} the highest mean test accuracy{among} is that of {first.name}: "
        text += f"{_with_interval(first)} over {seeds}."
    else:
        text = f"{after} {_listed(level)} share the highest mean test accuracy{among}, {first.test.mean:.2f} %."
    if ranking.tied:
        whose = _listed([item.name for item in ranking.tied])
        all_of_them = len(ranking.tied) + 1 == len(judged)
        its = "Its 95 % interval" if len(level) == 1 else f"The 95 % interval of {first.name}"
        text += f" {its} overlaps {'that' if len(ranking.tied) == 1 else 'those'} of {whose}, so there is "
        text += "no ranking: the runs do not tell the methods apart." if all_of_them else "no ranking among these."
    if ranking.below:
        one = len(ranking.below) == 1
        whose = _listed([item.name for item in ranking.below])
        text += f" The interval{'' if one else 's'} of {whose} lie{'s' if one else ''} below it."
    return text


def reservations(judged: Sequence[Outcome], config: Mapping[str, Any], methods: Sequence[str] = ()) -> str:
    """What diverged, was stopped, or has not begun; empty if nothing did.

    Args:
        judged: The outcomes.
        config: Configuration of the run; ``seeds`` says what was asked for, where it is given.
        methods: Names in the records of all methods asked for, each once; if empty, none is missed.
    """
    sentences = []
    if len(judged) < len(methods):
        sentences.append(f"The run is not finished: {len(judged)} of {len(methods)} methods have begun.")
    for item in judged:
        sentences += [f"{item.name} diverged at epoch {epoch} (seed {seed})." for seed, epoch in item.diverged]
        if not item.complete:
            sentences.append(f"{item.name} has come to epoch {item.epoch} only; it is shown, not ranked.")
        sentences += [
            f"{item.name}, seed {seed}, has come to epoch {epoch} only and is left out."
            for seed, epoch in item.unfinished
        ]
        begun, seeds = len(item.seeds) + len(item.unfinished), len(config.get("seeds") or ())
        if begun < seeds:
            sentences.append(f"{item.name} has begun with {begun} of {seeds} seeds.")
    alone = [item.name for item in judged if _no_interval(item) and not item.test.alike]
    if alone and len(alone) < len(judged):
        sentences.append(f"{_listed(alone)} {'has' if len(alone) == 1 else 'have'} one seed only, and so no rank.")
    sentences += [
        f"All {item.test.n} seeds of {item.name} end at {item.test.mean:.2f} %, which says nothing of their spread: no "
        "interval, and so no rank."
        for item in judged
        if _no_interval(item) and item.test.alike
    ]
    return " ".join(map(_sentence, sentences))


def notes(judged: Sequence[Outcome]) -> list[str]:
    """What a careful reader would keep in mind: how far the best is ahead, how much momentum there was, which rates."""
    candidates = (_next_best(judged), _faint(judged), *map(_lost, judged), _rates(judged))
    return [_sentence(note) for note in candidates if note]


def percent(mean: Mean, outcome: Outcome) -> str:
    """A mean accuracy and its interval as people write it, or why there is none."""
    if outcome.diverged:
        return f"diverged ({len(outcome.diverged)} of {len(outcome.seeds)})"
    if mean.mean is None:
        return "–"
    interval = " (all seeds alike)" if mean.alike else "" if mean.low is None else f" [{mean.low:.2f}, {mean.high:.2f}]"
    shown = f"{mean.mean:.2f}{interval}"
    return shown if outcome.complete else f"{shown} (epoch {outcome.epoch})"


def _without_intervals(judged: Sequence[Outcome]) -> str:
    whole = [item for item in judged if item.complete and item.test.mean is not None]
    if not whole:
        if all(item.diverged for item in judged):
            return "Every method diverged: there is no accuracy to compare."
        return "No method has come to its end yet: what follows is as far as the run came."
    best = max(whole, key=lambda item: item.test.mean or 0.0)
    reached = f"After {_count(best.epoch, 'epoch')} the highest test accuracy recorded is {best.test.mean:.2f} %"
    alike = [item.test.alike for item in whole]
    why = "Seeds that are all alike give" if all(alike) else "No method has seeds that differ, which gives"
    why = why if any(alike) else "One seed a method gives"
    return f"{why} no interval, and so no ranking. {reached} ({best.name})."


def _with_interval(item: Outcome) -> str:
    return f"{item.test.mean:.2f} % (95 % t-interval {item.test.low:.2f} to {item.test.high:.2f})"


def _no_interval(item: Outcome) -> bool:
    """Whether there is a mean without an interval: of one finished seed, or of several that are all alike."""
    return item.complete and item.test.mean is not None and item.test.low is None


def _next_best(judged: Sequence[Outcome]) -> str:
    ranking = rank(judged)
    others = sorted((*ranking.tied, *ranking.below), key=lambda item: -(item.test.mean or 0.0))
    if ranking.first is None or not others:
        return ""
    apart = difference(ranking.first.values, others[0].values)
    if apart.low is None or apart.high is None or apart.mean < 0.005:
        return ""
    return (
        f"{ranking.first.name} is {apart.mean:.2f} points above the next, {others[0].name}; Welch's 95 % interval of "
        f"the difference is {_signed(apart.low)} to {_signed(apart.high)} points. The two were chosen as the two "
        "highest, which flatters the first."
    )


def _decay(item: Outcome) -> pl.DataFrame:
    """Momentum factor at each epoch."""
    return item.rows.group_by("epoch").agg(pl.col("decay").max()).drop_nulls().sort("epoch")


def _faint(judged: Sequence[Outcome]) -> str:
    largest = [(item.name, max(_decay(item)["decay"], default=0.0)) for item in judged]
    faint = [name for name, decay in largest if 0 < decay < _NEGLIGIBLE]
    if not faint:
        return ""
    return (
        f"Hardly any momentum: {_listed(faint)} keep{'s' if len(faint) == 1 else ''} less than 1 % of the velocity "
        "from one step to the next, and so differ"
        f"{'s' if len(faint) == 1 else ''} little from plain SGD at the same effective learning rate."
    )


def _lost(item: Outcome) -> str:
    decay = _decay(item)
    lost = decay.filter(pl.col("decay") < _NEGLIGIBLE)
    if decay.is_empty() or decay["decay"][0] < _NEGLIGIBLE or lost.is_empty():
        return ""
    return f"{item.name} has lost its momentum by epoch {lost['epoch'][0]}: a step keeps less than 1 % of the velocity."


def _rates(judged: Sequence[Outcome]) -> str:
    rates = [float(rate) for item in judged for rate in item.rows["effective_lr"].drop_nulls().head(1)]
    if not rates or min(rates) <= 0 or max(rates) / min(rates) < 1.001:
        return ""
    return (
        f"Effective learning rates differ between methods by a factor of up to {max(rates) / min(rates):.3g}. A "
        "difference in accuracy between methods of different rates says as much about the rate as about momentum: "
        "compare methods of the same rate first."
    )


def _sentence(text: str) -> str:
    """``text`` with a capital at its head, unless it begins with a name like hSGMP, which keeps its own letters."""
    return text[0].upper() + text[1:] if text.split()[0].islower() else text


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
