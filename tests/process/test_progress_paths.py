"""The bar of a long ensemble: on a terminal, on standard error, gone at the end; silent everywhere else."""

import io
import sys

import jax
import numpy as np
import pytest

from underdamped.process import Exact, Quadratic, UniformSwitching, progress, simulate_ensemble

OPTIONS = {"mass": 0.0, "position": [1.0], "times": [0.5], "key": jax.random.key(0), "flow": Exact(), "chunk_size": 16}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):  # noqa: D102
        return True


def run(monkeypatch, stream, num_paths=160, **options):
    """What an ensemble of ten chunks writes to ``stream`` as standard error, and the paths."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream)
    target = Quadratic([[1.0], [1.0]], [[-1.0], [1.0]])
    ensemble = simulate_ensemble(target, UniformSwitching(2, 1.0), num_paths=num_paths, **OPTIONS | options)
    return stream.getvalue(), ensemble.position


@pytest.mark.parametrize("asked_for", [None, True])
def test_a_terminal_is_shown_the_bar_and_left_clean(monkeypatch, capsys, asked_for):
    written, paths = run(monkeypatch, Terminal(), progress=asked_for)
    assert "paths" in written
    assert "100%" in written
    assert written.endswith("\x1b[2K")  # the line is erased
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(paths, run(monkeypatch, io.StringIO())[1])  # and the paths are the same


@pytest.mark.parametrize(
    ("stream", "options"),
    [
        (io.StringIO, {}),
        (io.StringIO, {"progress": True}),
        (Terminal, {"progress": False}),
        (Terminal, {"num_paths": 64}),  # over before anybody could read it
    ],
)
def test_silent_elsewhere(monkeypatch, stream, options):
    assert run(monkeypatch, stream(), **options)[0] == ""


@pytest.mark.parametrize("asked_for", [None, True])
def test_a_notebook_is_shown_the_bar(monkeypatch, asked_for):
    """Without a terminal, and with rich's drawing, which needs a notebook, left out."""
    shown = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr(
        "rich.progress.track", lambda chunks, **options: (shown.append(chunk) or chunk for chunk in chunks)
    )
    run(monkeypatch, io.StringIO(), progress=asked_for)
    assert len(shown) == 10


def test_without_rich_silent_unless_asked_for(monkeypatch):
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    assert run(monkeypatch, Terminal())[0] == ""
    with pytest.raises(ModuleNotFoundError, match="pip install rich"):
        run(monkeypatch, Terminal(), progress=True)
