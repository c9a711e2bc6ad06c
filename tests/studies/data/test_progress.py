"""The bar shows on a terminal, on standard error, and nowhere else."""

import pytest

from underdamped.studies.data.progress import progress_bar


@pytest.mark.parametrize("terminal", [True, False])
def test_only_on_a_terminal(capsys, monkeypatch, terminal):
    monkeypatch.setenv("FORCE_COLOR", "1") if terminal else monkeypatch.delenv("FORCE_COLOR", raising=False)
    with progress_bar("decoding", total=3) as advance:
        advance(3)
    output = capsys.readouterr()
    assert output.out == ""
    assert ("decoding" in output.err and "3/3" in output.err) == terminal
    assert bool(output.err) == terminal
