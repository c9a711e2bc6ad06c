"""Figures: what is drawn, the same file every time, and nothing global touched."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from underdamped.studies.reporting.plots import Curve, Estimate, Map, Panel, Points, figure, looks, to_pdf, to_svg

LOOK = looks(["a", "b", "c"])


def curve(name="a", y=(3.0, 2.0, 1.0), **options):
    return Curve(name, LOOK[name], np.arange(len(y)), np.asarray(y, dtype=float), **options)


def panel(*contents, scale="linear"):
    return Panel("Title", "epoch", "loss", contents, scale)


def lines(drawing):
    return [line for line in drawing.axes[0].get_lines() if len(line.get_xdata())]


def test_importing_and_drawing_load_nothing_heavy_and_change_nothing():
    code = (
        "import matplotlib as mpl, sys;"
        "settings = lambda: {name: mpl.rcParams[name] for name in mpl.rcParams if name != 'backend'};"
        "before = settings();"
        "import underdamped.studies.reporting.pages.images, underdamped.studies.reporting.report;"
        "import underdamped.studies.runs.records;"
        "from underdamped.studies.reporting.plots import *;"
        "to_svg(figure([Panel('', '', '', [Curve('a', looks('a')['a'], [0, 1], [0, 1])])]));"
        "assert settings() == before;"
        "print(sorted({'torch', 'jax', 'underdamped.process', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_users_settings_change_nothing_and_are_left_alone():
    plain = to_svg(figure([panel(curve())]))
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        assert to_svg(figure([panel(curve())])) == plain
        assert dict(mpl.rcParams) == before


def test_the_same_figure_is_the_same_file_in_another_process():
    code = (
        "import hashlib; from studies.reporting.test_plots import *;"
        "drawing = figure([panel(curve(), curve('b', (1, 2, 4)), scale='log')]);"
        "print(hashlib.sha256(to_svg(drawing).encode() + to_pdf(drawing)).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(outputs) == 1


def test_files_are_well_formed_and_undated():
    drawing = figure([panel(curve())])
    root = ET.fromstring(to_svg(drawing))
    assert root.tag.endswith("svg")
    assert b"CreationDate" not in to_pdf(drawing)
    assert to_pdf(drawing).startswith(b"%PDF")
    texts = {"".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("text")}
    assert {"Title", "epoch", "loss"} <= texts  # as text, for search and for screen readers


def test_a_curve_that_is_not_finite_has_a_gap_and_lone_points_are_seen():
    drawing = figure([panel(curve(y=(3.0, 2.0, np.nan, 1.0, np.inf, -np.inf)))])
    line, lone = lines(drawing)
    assert np.isfinite(line.get_ydata()).tolist() == [True, True, False, True, False, False]
    assert lone.get_xdata().tolist() == [3]


def test_equal_curves_are_all_seen():
    ordinary, *stripes = lines(figure([panel(curve("c", (1.0, 5.0)), curve("a", (2.0, 2.0)), curve("b", (2.0, 2.0)))]))
    assert ordinary.get_linestyle() == "-"
    offsets = [line._dash_pattern[0] for line in stripes]
    assert len(set(offsets)) == 2
    on, off = stripes[0]._dash_pattern[1]
    assert on == off  # half of the way is left to the other


def test_a_broken_curve_ends_in_a_cross():
    marked = [
        line for line in lines(figure([panel(curve(y=(2.0, 1.0, np.nan), broken=True))])) if line.get_marker() == "x"
    ]
    assert [(line.get_xdata().item(), line.get_ydata().item()) for line in marked] == [(1, 1.0)]


def test_an_estimate_without_an_interval_has_no_bar():
    bare = figure([panel(Estimate("a", LOOK["a"], [1.0], 1.0))]).axes[0]
    full = figure([panel(Estimate("a", LOOK["a"], [1.0, 2.0], 1.5, 1.0, 2.0))]).axes[0]
    assert not [line for line in bare.get_lines() if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]
    assert [line for line in full.get_lines() if line.get_linestyle() == "-" and len(line.get_xdata()) == 2]


def test_one_legend_for_all_panels_and_none_for_one_curve():
    drawing = figure([panel(curve("a"), curve("b")), panel(curve("b"), curve("c"))])
    assert [text.get_text() for text in drawing.legends[0].get_texts()] == ["a", "b", "c"]
    assert figure([panel(curve("a"))]).legends == []


def test_ten_methods_look_different():
    styles = looks([str(number) for number in range(21)])
    assert len(set(styles.values())) == 21
    assert all(re.fullmatch("#[0-9A-F]{6}", look.color) for look in styles.values())


def test_a_figure_without_panels_is_refused():
    with pytest.raises(ValueError, match="`panels` must be at least one"):
        figure([])


def test_points_are_dots_with_intervals_and_not_joined():
    points = Points("a", LOOK["a"], x=[1, 10, 100], y=[2.0, 3.0, 4.0], low=[1, 2, 3], high=[3, 4, 5])
    axes = figure([Panel("", "", "", [points], xscale="log")]).axes[0]
    (dots,) = [line for line in axes.get_lines() if len(line.get_xdata())]
    assert dots.get_linestyle() == "None"
    (intervals,) = axes.collections
    assert [tuple(map(tuple, path.vertices)) for path in intervals.get_paths()] == [
        ((1, 1), (1, 3)), ((10, 2), (10, 4)), ((100, 3), (100, 5)),
    ]  # fmt: skip
    assert axes.get_xscale() == "log"


def test_a_map_shows_each_value_at_its_place_with_a_bar_or_named_classes():
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, np.nan]])
    shades = figure([Panel("", "", "", [Map("rate", [1, 2, 3], [10, 20], values)])])
    axes, bar = shades.axes
    (mesh,) = axes.collections
    shown = np.ma.filled(mesh.get_array().reshape(2, 3), np.nan)
    np.testing.assert_array_equal(shown, values)
    assert bar.get_ylabel() == "rate"
    assert (axes.get_xlim(), axes.get_ylim()) == ((0.5, 3.5), (5.0, 25.0))  # each cell around its point

    classes = [("stays", "#aa0000"), ("passes", "#0000aa")]
    named = figure([Panel("", "", "", [Map("", [1, 2], [1, 2], np.array([[0, 1], [1, 0]]), classes=classes)])])
    assert len(named.axes) == 1
    (mesh,) = named.axes[0].collections
    mesh.update_scalarmappable()
    np.testing.assert_allclose(mesh.get_facecolors()[0][:3], [2 / 3, 0, 0])
    assert [text.get_text() for text in named.legends[0].get_texts()] == ["stays", "passes"]


def test_a_map_whose_grid_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"`values` must be of shape \(2, 3\)"):
        Map("", [1, 2, 3], [1, 2], np.zeros((3, 2)))
