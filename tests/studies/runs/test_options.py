"""What a study is asked to do: defaults, files and words."""

from pathlib import Path

from underdamped.studies import images
from underdamped.studies.images import Config
from underdamped.studies.runs.options import read_to_check, read_to_run


def test_a_plain_file_gives_values_and_options_win(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('epochs = 7\nseeds = [3, 4]\nflip = true\nmethods = ["SGD:lr=0.5"]\ndropout = 0.25\n')
    options, config = read_to_run("images", images, ["--config", str(file), "--epochs", "8"])
    assert config == Config(epochs=8, seeds=(3, 4), flip=True, methods=("SGD:lr=0.5",), dropout=0.25)
    assert options.run_dir == Path("runs/images")


def test_quick_is_a_default_that_options_win_over():
    options, config = read_to_run("images", images, ["--quick", "--epochs", "3"])
    assert (config.epochs, config.train_size) == (3, images.QUICK.train_size)
    assert options.run_dir == Path("runs/images-quick")


def test_what_is_checked_is_what_would_run():
    words = ["--quick", "--epochs", "3"]
    assert read_to_check("images", images, words) == read_to_run("images", images, words)[1]
