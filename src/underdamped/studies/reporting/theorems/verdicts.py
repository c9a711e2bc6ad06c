"""Measured beside predicted: the verdict is computed from the records, never written beforehand."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from underdamped.studies.reporting.report import Table

AGREES, DIFFERS, UNDECIDED = "agrees", "does not agree", "no verdict"


@dataclass(frozen=True)
class Judgement:
    """Something measured with its interval, beside what theory predicts.

    Attributes:
        experiment: name of the experiment.
        problem: what it was measured on.
        series: which of several.
        what: what was measured, in words.
        value: the estimate.
        low: lower end of its 95 % interval; the value itself where that is exact.
        high: upper end.
        predicted: what theory says.
        accepted: the range that counts as agreement.
        paths: size of the ensemble, where there is one.
        fewest: paths below which there is no verdict.
    """

    experiment: str
    problem: str
    series: str
    what: str
    value: float
    low: float
    high: float
    predicted: float
    accepted: tuple[float, float]
    paths: int | None
    fewest: int = 0

    @property
    def verdict(self) -> str:
        """One of "agrees", "does not agree: ..." and "no verdict: ...".

        Agreement means that the whole interval lies in the accepted range, disagreement that none of it does. Too few
        paths give neither, for their interval cannot be trusted; but what is not finite disagrees in any case.

        Example:
            >>> Judgement("a", "b", "", "slope", 0.5, 0.4, 0.6, 0.5, (0.45, 0.55), 10).verdict
            'no verdict: the ensemble is too small (interval ± 0.1)'
        """
        lowest, highest = self.accepted
        if not math.isfinite(self.value):
            return f"{DIFFERS}: what was measured is not finite"
        if self.paths is not None and self.paths < self.fewest:
            return f"{UNDECIDED}: only {self.paths} path{'s' if self.paths != 1 else ''}, {self.fewest} are needed"
        if lowest <= self.low and self.high <= highest:
            return AGREES
        if self.high < lowest:
            return f"{DIFFERS}: below {short(lowest)}"
        if self.low > highest:
            return f"{DIFFERS}: above {short(highest)}"
        return f"{UNDECIDED}: the ensemble is too small (interval ± {short((self.high - self.low) / 2)})"

    @property
    def kind(self) -> str:
        """``AGREES``, ``DIFFERS`` or ``UNDECIDED``: the verdict without its reason."""
        return self.verdict.partition(":")[0]

    @property
    def agrees(self) -> bool:
        """Whether it does, certainly."""
        return self.kind == AGREES

    @property
    def measurement(self) -> str:
        """The estimate [and its interval] as text, with as many decimals as half the interval has with two digits."""
        half = (self.high - self.low) / 2
        if not (half > 0 and 1e-3 <= abs(self.value) < 1e4):
            exact = self.low == self.high == self.value
            return short(self.value) if exact else f"{short(self.value)} [{short(self.low)}, {short(self.high)}]"
        decimals = max(0, 1 - math.floor(math.log10(half)))
        return f"{self.value:.{decimals}f} [{self.low:.{decimals}f}, {self.high:.{decimals}f}]"

    @property
    def prediction(self) -> str:
        """What theory says, as text; a dash where it names a range only, which ``counts`` shows."""
        lowest, highest = self.accepted
        if not math.isfinite(self.predicted):
            return "–"
        side = "at least " if math.isinf(highest) else "at most " if math.isinf(lowest) else ""
        return f"{side}{short(self.predicted)}"

    @property
    def counts(self) -> str:
        """The range that counts as agreement, as text."""
        lowest, highest = self.accepted
        if math.isinf(highest):
            return f"≥ {short(lowest)}"
        if math.isinf(lowest):
            return f"≤ {short(highest)}"
        return f"{short(lowest)} to {short(highest)}"


def judgements(records: pl.DataFrame) -> list[Judgement]:
    """All pairs of measured and predicted in the records, in their order."""
    keys = ["experiment", "problem", "series", "note"]
    measured = records.filter(pl.col("quantity") == "measured")
    predicted = records.filter(pl.col("quantity") == "predicted").select(
        *keys, prediction="value", lowest="low", highest="high", fewest="paths"
    )
    pairs = measured.join(predicted, on=keys, how="inner", maintain_order="left")
    return [
        Judgement(
            experiment=pair["experiment"],
            problem=pair["problem"],
            series=pair["series"],
            what=pair["note"],
            value=pair["value"],
            low=pair["value"] if pair["low"] is None else pair["low"],
            high=pair["value"] if pair["high"] is None else pair["high"],
            predicted=math.nan if pair["prediction"] is None else pair["prediction"],
            accepted=(pair["lowest"], pair["highest"]),
            paths=pair["paths"],
            fewest=pair["fewest"] or 0,
        )
        for pair in pairs.iter_rows(named=True)
    ]


def verdict_table(records: pl.DataFrame, caption: str = "") -> Table:
    """Measured beside predicted, one row a comparison: what stands under the figure of each theorem."""
    rows = [
        [f"{one.what}\n{where(one)}", one.measurement, one.prediction, one.counts, one.verdict]
        for one in judgements(records)
    ]
    return Table(["", "measured [95 % interval]", "predicted", "counts as agreement", "verdict"], rows, caption)


def where(judgement: Judgement) -> str:
    """Problem, series and size of the ensemble, as far as there are any."""
    size = "" if judgement.paths is None else f"{judgement.paths:,} paths"
    return ", ".join(part for part in (judgement.problem, judgement.series, size) if part)


def reservations(records: pl.DataFrame) -> list[str]:
    """Sentences on assumptions that were not met; none where all were."""
    rows = records.filter(pl.col("quantity") == "assumption not met").unique(
        ["experiment", "problem", "note"], maintain_order=True
    )
    return [f"On the {one['problem']} problem: {one['note']}." for one in rows.iter_rows(named=True)]


def series_of(records: pl.DataFrame, quantity: str) -> Iterable[tuple[str, pl.DataFrame]]:
    """Name and rows, by abscissa, of every series that has the quantity."""
    chosen = records.filter(pl.col("quantity") == quantity)
    for (name,), rows in chosen.group_by(["series"], maintain_order=True):
        yield str(name), rows.sort("x")


def problems_of(records: pl.DataFrame) -> Sequence[str]:
    """Problems with records, in their order."""
    return records["problem"].unique(maintain_order=True).to_list()


def short(number: float) -> str:
    """Three significant figures.

    Example:
        >>> short(0.50149), short(1234.5), short(2e-7)
        ('0.501', '1.23e+03', '2e-07')
    """
    return f"{number:.3g}"
