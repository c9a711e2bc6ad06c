"""A study in parts, each recorded once it is done: a run that was killed goes on with the first that is missing."""

import sys
import time
from collections.abc import Callable, Mapping

import polars as pl

from underdamped.studies.runs.records import Run


def record_parts(run: Run, part_of: pl.Expr, parts: Mapping[str, Callable[[], pl.DataFrame]]) -> pl.DataFrame:
    """Measure the parts that are not recorded yet, in order, and tell of each on standard error.

    Args:
        run: the open run directory. Its records are written after each part.
        part_of: of each row of the records, the name of the part it belongs to.
        parts: what measures a part, by its name. All give the same columns, and at least one row.

    Returns:
        All records.

    Raises:
        OSError: If a file cannot be written. What was recorded before stays.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> run = Run(Path(tempfile.mkdtemp()), "throws")
        >>> parts = {"coin": lambda: pl.DataFrame({"of": ["coin"], "sides": [2]})}
        >>> records = record_parts(run, pl.col("of"), parts)
        >>> parts |= {"die": lambda: pl.DataFrame({"of": ["die"], "sides": [6]})}
        >>> record_parts(run, pl.col("of"), parts)["sides"].to_list()
        [2, 6]
    """
    records = run.read_records()
    recorded = set(records.select(part_of).to_series()) if records.width else set()
    for number, (name, measure) in enumerate(parts.items(), start=1):
        title = f"{number}/{len(parts)} {name}"
        if name in recorded:
            _tell(f"{title}: recorded already")
            continue
        _tell(f"{title} ...")
        began = time.monotonic()
        found = measure()
        records = pl.concat([records, found]) if records.width else found
        run.write_records(records)
        _tell(f"{title}: {time.monotonic() - began:.1f} s")
    return records


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
