"""Parts are measured once, in order, and recorded one by one."""

from pathlib import Path

import polars as pl
import pytest

from underdamped.studies.runs.parts import record_parts
from underdamped.studies.runs.records import Run

PART = pl.concat_str("experiment", "problem", separator=", ")


def rows(problem: str, value: int) -> pl.DataFrame:
    return pl.DataFrame({"experiment": ["fall"], "problem": [problem], "value": [value]})


def test_a_killed_run_goes_on_with_the_first_part_that_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run, measured = Run(tmp_path, "limits"), []

    def part(problem: str, value: int) -> pl.DataFrame:
        measured.append(problem)
        if value < 0:
            raise KeyboardInterrupt
        return rows(problem, value)

    with pytest.raises(KeyboardInterrupt):
        record_parts(run, PART, {"fall, a": lambda: part("a", 1), "fall, b": lambda: part("b", -1)})
    assert run.read_records().equals(rows("a", 1))
    records = record_parts(run, PART, {"fall, a": lambda: part("a", 7), "fall, b": lambda: part("b", 2)})
    assert measured == ["a", "b", "b"]
    assert records.equals(pl.concat([rows("a", 1), rows("b", 2)]))
    assert run.read_records().equals(records)
    told = capsys.readouterr().err.splitlines()
    assert told[:3] == ["1/2 fall, a ...", told[1], "2/2 fall, b ..."]
    assert told[3:5] == ["1/2 fall, a: recorded already", "2/2 fall, b ..."]
