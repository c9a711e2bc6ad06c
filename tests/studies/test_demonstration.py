"""The demonstration on two tiny studies and a broken one: one report, nothing lost, nothing done twice."""

import dataclasses
import re
import sys
from types import ModuleType

import pytest

from underdamped import cli
from underdamped.studies import STUDIES, functional, images
from underdamped.studies.demonstration import demonstrate
from underdamped.studies.reporting.report import Page, Picture, Section
from underdamped.studies.reporting.whole import whole_page
from underdamped.studies.runs.records import read_run

pytestmark = pytest.mark.filterwarnings("ignore:Theorem 15 does not cover")

NAMES = ("functional", "broken", "images")


@pytest.fixture(scope="module")
def tiny():
    """Both studies at their smallest, and one that fails when it runs."""

    def fail(config, run):
        raise FloatingPointError("it diverged\nand said more than a line about it")

    broken = ModuleType("underdamped.studies.broken")
    broken.__dict__.update(QUICK=functional.QUICK, check=lambda config: None, run=fail)
    small = dataclasses.replace(images.QUICK, seeds=(0,), methods=("SGD",), epochs=1, train_size=60, workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, broken.__name__, broken)
        patch.setattr(functional, "QUICK", functional.Config(runs=2, steps=20, masses=(1.0,), readings=False))
        patch.setattr(images, "DEMO", small)
        yield


@pytest.fixture(scope="module")
def shown(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "runs"
    return path, demonstrate(path, studies=NAMES)


@pytest.mark.slow
def test_a_study_that_fails_does_not_cost_the_others(shown):
    path, failures = shown
    assert failures == {"broken": "FloatingPointError: it diverged"}
    for name in ("functional", "images"):
        assert not read_run(path / name)[2].is_empty()
        assert (path / name / "report.html").is_file()


@pytest.mark.slow
def test_one_report_has_them_all(shown):
    html = (shown[0] / "report.html").read_text()
    assert "2 of 3 studies" in html
    assert "broken failed: FloatingPointError: it diverged" in html
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert len(ids) == len(set(ids))
    linked = re.findall(r'<a href="#([^"]*)"', html)
    assert linked == ["functional", "images"]
    assert set(re.findall(r'href="#([^"]*)"|url\(#(.*?)\)', html)) <= {(name, "") for name in ids} | {
        ("", name) for name in ids
    }
    assert not re.search(r'(?:href|src)="(?!#)', html)  # nothing is fetched
    for name in ("functional", "images"):
        own = (shown[0] / name / "report.html").read_text()
        assert html.count("<figure>") > own.count("<figure>") > 0
        for heading in re.findall(r"<h1>(.*?)</h1>", own) + re.findall(r"<h2>(.*?)</h2>", own)[:-1]:
            assert heading in html


@pytest.mark.slow
def test_what_is_done_is_not_done_again(shown, monkeypatch):
    path, _ = shown
    before = read_run(path / "functional")[2]
    monkeypatch.setattr(functional, "_masses", lambda config: pytest.fail("it was recorded"))
    assert demonstrate(path, studies=("functional",)) == {}
    assert read_run(path / "functional")[2].equals(before)


@pytest.mark.slow
def test_other_sizes_are_refused_with_the_way_out(shown, monkeypatch):
    monkeypatch.setattr(functional, "QUICK", dataclasses.replace(functional.QUICK, steps=30))
    failures = demonstrate(shown[0], studies=("functional",))
    assert "--start-over" in failures["functional"]


@pytest.mark.slow
def test_a_missing_extra_is_named(shown, monkeypatch):
    monkeypatch.setitem(sys.modules, "underdamped.studies.absent", None)
    failures = demonstrate(shown[0].parent / "other", studies=("absent",))
    assert "pip install" in failures["absent"]


@pytest.mark.slow
def test_the_run_of_one_study_is_left_alone(shown, tiny):
    with pytest.raises(ValueError, match="`run_dir` must be new or that of an earlier demonstration"):
        demonstrate(shown[0] / "functional", studies=("functional",))


@pytest.mark.slow
def test_the_first_error_is_raised_where_it_is_asked_for(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("UNDERDAMPED_TRACEBACK", "1")
    with pytest.raises(FloatingPointError):
        demonstrate(tmp_path, studies=("broken",))


@pytest.mark.slow
def test_the_command_ends_with_the_report_and_a_status(shown, monkeypatch, capsys):
    import underdamped.studies.demonstration

    for failures, status in (({}, 0), ({"limits": "no"}, 1)):
        monkeypatch.setattr(
            underdamped.studies.demonstration, "demonstrate", lambda *_, failures=failures, **__: failures
        )
        assert cli.main(["demo", "--run-dir", str(shown[0])]) == status
        out = capsys.readouterr()
        assert out.out == f"Report: {shown[0] / 'report.html'}\n"
        assert out.err == ("underdamped: limits failed: no\n" if failures else "")


@pytest.mark.slow
def test_its_report_is_written_again(shown, capsys):
    (shown[0] / "report.html").unlink()
    assert cli.main(["report", str(shown[0])]) == 0
    assert (shown[0] / "report.html").is_file()


def test_every_study_has_a_size_for_it():
    import importlib

    for name in STUDIES:
        study = importlib.import_module(f"underdamped.studies.{name}")
        study.check(getattr(study, "DEMO", study.QUICK))


def test_pictures_of_two_studies_do_not_collide():
    page = Page("A title", ["Found."], [Section("Figure", [Picture("errors", [])])])
    whole = whole_page({"one": page, "two": page}, ["one", "two", "three"], {"four": "broke"})
    names = [block.name for section in whole.sections for block in section.blocks if isinstance(block, Picture)]
    assert names == ["one-errors", "two-errors"]
    assert [section.level for section in whole.sections] == [2, 3, 2, 3]
    assert whole.lead[1:] == ["four failed: broke", "Not run yet: three."]
    assert [section.anchor for section in whole.sections] == ["one", "", "two", ""]
