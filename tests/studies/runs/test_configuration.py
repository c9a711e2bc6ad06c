"""A configuration comes back from its file as it was, and two are compared field by field."""

import math
from dataclasses import dataclass, make_dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from underdamped.studies.runs.configuration import config_values, differences, from_toml, to_toml

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(st.booleans(), st.integers(), st.floats(), text)
paths = st.lists(st.sampled_from(["a", "b c", "ä"]), min_size=1, max_size=3).map(lambda parts: Path(*parts))
values = st.one_of(
    st.none(), scalars, paths, st.lists(scalars, max_size=4).map(tuple), st.lists(paths, max_size=2).map(tuple),
    st.lists(st.lists(scalars, max_size=2).map(tuple), max_size=2).map(tuple),
)  # fmt: skip


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True), values, max_size=5))
def test_the_round_trip_is_exact(fields):
    study, back = from_toml(to_toml("images", fields))
    assert study == "images"
    # repr tells 1 from 1.0 and True, -0.0 from 0.0, and shows nan
    assert {name: repr(value) for name, value in back.items()} == {name: repr(value) for name, value in fields.items()}
    assert differences(fields, back) == []


def test_each_difference_is_named_with_both_values():
    old = {"epochs": 2, "lr": 0.1, "data": Path("a"), "seeds": (0, 1), "workers": 1, "gone": None}
    new = {"epochs": 3, "lr": 0.1, "data": Path("b"), "seeds": (0,), "workers": 8, "added": True}
    assert differences(old, new, ignore=["workers"]) == [
        "epochs is 2 there and 3 here",
        "data is 'a' there and 'b' here",
        "seeds is (0, 1) there and (0) here",
        "gone is None there and absent here",
        "added is absent there and True here",
    ]


def test_numbers_that_are_equal_do_not_differ():
    assert differences({"lr": 1, "x": math.nan, "y": (math.nan,)}, {"lr": 1.0, "x": math.nan, "y": (math.nan,)}) == []


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, object(), 1j, (1, None), (Path("a"), "b"), (1, [2])])
def test_what_would_not_come_back_is_refused(value):
    config = make_dataclass("Config", [("field", object)])(value)
    with pytest.raises(TypeError, match=r"`config.field` must be"):
        config_values(config)


def test_only_an_instance_of_a_dataclass_is_a_configuration():
    @dataclass(frozen=True)
    class Config:
        epochs: int = 1

    for wrong in (Config, {"epochs": 1}, None):
        with pytest.raises(TypeError, match="`config` must be an instance of a dataclass"):
            config_values(wrong)


@pytest.mark.parametrize("content", [b"", b"study = 3", b"[config]\n", b"\xff", b'study = "a"\nconfig = 3\n'])
def test_another_file_is_refused(content):
    with pytest.raises(ValueError):  # noqa: PT011  (TOML's own errors, and ours)
        from_toml(content)
