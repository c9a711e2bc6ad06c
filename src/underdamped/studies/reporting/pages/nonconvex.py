"""The page of the non-convex study."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from underdamped.studies.reporting.landscapes import comparison, figure6, moving, planes, sweeps
from underdamped.studies.reporting.report import Page, Section


def page(records: pl.DataFrame, config: Mapping[str, Any], environment: Mapping[str, Any]) -> Page:
    """Records of the non-convex study as a page.

    Args:
        records: As the study writes them; of a run that was stopped, what it has measured is shown.
        config: The configuration; sizes are quoted from it, any may be missing.
        environment: Where it ran; unused.

    Returns:
        The page: the question answered, then each experiment that has been recorded.
    """
    del environment
    sections = [
        comparison.section(records, config),
        sweeps.section(records),
        planes.section(records),
        moving.section(records),
        figure6.section(records),
        _reservations(),
    ]
    return Page(
        title="Many minima: who finds the global one, and does losing momentum help?",
        lead=[*comparison.answer(records), *planes.sentences(records), *figure6.answer(records)],
        sections=[section for section in sections if section is not None],
    )


def summary(records: pl.DataFrame) -> pl.DataFrame:
    """The result as a small table for the terminal.

    Args:
        records: As for ``page``.

    Returns:
        The share in the global basin for each landscape and the main methods.
    """
    return comparison.best(records)


def _reservations() -> Section:
    return Section(
        "What to keep in mind",
        [
            "These are small landscapes with a strong noise of our making (slopes that sum to zero), but for phase "
            "retrieval, whose noise is that of its measurements and vanishes at the solution. What holds on them need "
            "not "
            "hold for a network. Tuning is a search over few settings: another setting of any method may be better. "
            "Shares depend on the box of starts, the budget and the noise; intervals cover the randomness of runs "
            "and, in the comparison, of tuning, but not the choice of ranges that are tuned over. Steps are measured "
            "by L, the largest curvature at points sampled from the box; between them it may be larger. Phase "
            "retrieval is one draw of its measurements, which decide what minima there are, and the slopes of the "
            "others are one draw: no interval covers what another draw would change.",
        ],
    )
