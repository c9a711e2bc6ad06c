"""The command line, as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import warnings
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from underdamped.cli import main
from underdamped.studies import STUDIES

SMALL = ["--methods", "SGD", "dmSGMP", "--seeds", "0", "--train-size", "200", "--test-size", "50", "--workers", "1"]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "200"}


def command(*words):
    return [sys.executable, "-c", "import sys; from underdamped.cli import main; sys.exit(main())", *map(str, words)]


def run(*words, **options):
    return subprocess.run(command(*words), env=ENVIRONMENT, capture_output=True, text=True, check=False, **options)


def test_list_names_every_study(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(STUDIES)


def test_help_and_list_import_nothing_heavy():
    code = "import sys; from underdamped.cli import main; main(['list']); main(['--help']); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    modules = loaded.stdout.splitlines()[-1]
    for heavy in ("numpy", "torch", "polars", "matplotlib", "tyro", "rich", "pooch"):
        assert f"'{heavy}'" not in modules


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "unknown command 'rnu': did you mean 'run'?"),
        (["run", "imgaes"], "unknown study 'imgaes': did you mean 'images'?"),
        (["run", "images", "--methods", "hSGPM"], "unknown method 'hSGPM': did you mean 'hSGMP'?"),
        (["run", "images", "--workers", "100000"], "`workers` must be in [1, "),
        (["run", "images", "--epochs", "0"], "`epochs` must be at least 1, got 0"),
        (["run", "images", "--data", "digit"], "`data` must be a known data set"),
        (
            ["run", "images", "--config", "nowhere.toml"],
            "`config` must be a TOML file, got 'nowhere.toml': no such",
        ),
        (["report", "nowhere"], "`run_dir` must be a run directory, got 'nowhere'"),
        (["data", "fetch", "cifar11"], "did you mean 'cifar10'?"),
    ],
)
def test_user_errors_are_one_line_and_leave_nothing(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("underdamped: ")
    assert errors.count("\n") == 1
    assert message in errors
    assert not list(tmp_path.iterdir())


def parse_error(words, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(words)
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_a_misspelt_option_suggests_the_right_one(capsys):
    errors = parse_error(["run", "images", "--bacth-size", "10"], capsys)
    assert "--bacth-size" in errors
    assert "--batch-size INT" in errors


def test_a_missing_extra_is_reported_with_the_line_that_mends_it(monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith(("underdamped.studies.", "underdamped.torch"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "polars", None)  # Python's way to say: not to be found
    assert main(["run", "images"]) == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    assert "polars is not installed" in errors
    assert 'pip install "underdamped[torch,jax,studies]"' in errors


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("epoch = 3", "unknown key 'epoch' in {file}: did you mean 'epochs'?"),
        ("epochs = ", "`config` must be a TOML file"),
        ('study = "escape"\n[config]\nepochs = 3', "`config` must be of the study 'images'"),
    ],
)
def test_bad_configuration_files_are_refused(content, message, tmp_path, capsys):
    file = tmp_path / "config.toml"
    file.write_text(content)
    assert main(["run", "images", "--config", str(file)]) == 2
    assert message.format(file=file) in capsys.readouterr().err


def test_a_bad_value_in_a_file_names_the_file(tmp_path, capsys):
    file = tmp_path / "config.toml"
    file.write_text('epochs = "many"')
    errors = parse_error(["run", "images", "--config", str(file)], capsys)
    assert "--epochs" in errors
    assert f"the value is in {file}" in errors
    assert "underdamped run images --help" in errors


def test_a_file_in_the_way_is_told_without_the_systems_number(tmp_path, capsys):
    (tmp_path / "run").write_text("a file")
    assert main(["run", "images", *SMALL, "--run-dir", str(tmp_path / "run")]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("underdamped: `run_dir` must be a directory")
    assert "Errno" not in errors


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run from the command line, on real data, to its end."""
    path = tmp_path_factory.mktemp("cli") / "run"
    return path, run("run", "images", *SMALL, "--epochs", 4, "--run-dir", path)


def test_a_run_ends_with_a_table_and_a_report(finished):
    path, result = finished
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert any("95 % t-interval" in line for line in lines)
    assert any(line.startswith("│ dmSGMP") for line in lines)
    assert lines[-1] == f"Report: {path / 'report.html'}"
    assert (path / "report.html").stat().st_size > 10_000
    assert tomllib.loads((path / "config.toml").read_text())["config"]["epochs"] == 4
    assert json.loads((path / "environment.json").read_text())
    assert "epoch 4/4" in result.stderr  # one line an epoch, off a terminal
    assert result.stderr.count("\n") == 2 * 5


def records(path):
    return pl.read_parquet(Path(path) / "records.parquet").drop("seconds")


@pytest.mark.slow
def test_killed_at_any_moment_the_command_goes_on_bitwise(finished, tmp_path):
    """SIGKILL to the command alone: its worker must end too, and the same command finish the run."""
    path = tmp_path / "killed"
    words = ("run", "images", *SMALL, "--epochs", 4, "--run-dir", path)
    with subprocess.Popen(command(*words), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert any("epoch 2/4" in line for line in process.stderr)
        process.send_signal(signal.SIGKILL)
    (checkpoint,) = (path / "checkpoints").glob("SGD*.pt")
    written = checkpoint.stat().st_mtime_ns
    time.sleep(0.5)
    assert checkpoint.stat().st_mtime_ns == written  # nobody goes on training
    result = run(*words)
    assert result.returncode == 0, result.stderr
    assert "goes on after epoch" in result.stderr
    assert_frame_equal(records(path), records(finished[0]), check_exact=True)


@pytest.mark.slow
def test_interrupted_it_says_how_to_go_on(tmp_path):
    words = ("run", "images", *SMALL, "--epochs", 400, "--start-over", "--run-dir", tmp_path / "run")
    process = subprocess.Popen(
        command(*words), env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    with process:
        assert any("epoch 1/400" in line for line in process.stderr)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
        errors = process.stderr.read()
    assert process.returncode == 130
    again = " ".join(map(str, words)).replace(" --start-over", "")
    assert errors.endswith(f"\nInterrupted. To go on from there: underdamped {again}\n")
    assert "Traceback" not in errors


def test_another_configuration_in_the_same_directory_is_refused(finished, capsys):
    path, _ = finished
    before = records(path)
    assert main(["run", "images", *SMALL, "--epochs", "5", "--run-dir", str(path)]) == 2
    errors = capsys.readouterr().err
    assert "epochs is 4 there and 5 here" in errors
    assert "--start-over" in errors
    assert_frame_equal(records(path), before)


@pytest.mark.slow
def test_a_runs_own_file_configures_the_same_run(finished, capsys):
    """Nothing is left to train, so the records must come back as they were; options still win over the file."""
    path, _ = finished
    before = records(path)
    assert main(["run", "images", "--config", str(path / "config.toml"), "--run-dir", str(path)]) == 0
    assert_frame_equal(records(path), before)
    changed = ["run", "images", "--config", str(path / "config.toml"), "--run-dir", str(path), "--epochs", "5"]
    assert main(changed) == 2
    assert "epochs is 4 there and 5 here" in capsys.readouterr().err


@pytest.mark.slow
def test_report_again(finished, capsys):
    path, _ = finished
    (path / "report.html").unlink()
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out == f"Report: {path / 'report.html'}\n"
    assert (path / "report.html").exists()


def test_a_warning_to_the_user_is_one_line_without_its_place(monkeypatch):
    shown, before = [], warnings.formatwarning

    def dispatch(words):
        kinds = (UserWarning, DeprecationWarning)
        shown.extend(warnings.formatwarning("A4 does not hold", kind, "source.py", 3) for kind in kinds)
        return 0

    monkeypatch.setattr("underdamped.cli._dispatch", dispatch)
    assert main(["run"]) == 0
    assert shown[0] == "underdamped: warning: A4 does not hold\n"
    assert shown[1].startswith("source.py:3: DeprecationWarning")
    assert warnings.formatwarning is before
