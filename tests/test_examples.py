"""The scripts a user would copy run as they stand, and the one for an own target is as short as promised."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(script, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out.strip() or list(tmp_path.iterdir())


def test_an_own_target_takes_at_most_fifteen_lines():
    (script,) = (path for path in EXAMPLES if path.stem == "own_target")
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 15
