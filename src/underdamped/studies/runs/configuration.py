"""A study's configuration as a TOML file: an exact round trip, and what differs between two."""

import dataclasses
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from underdamped import _checks

_PLAIN = (str, int, float, bool)
_ABSENT = object()


def config_values(config: Any) -> dict[str, Any]:
    """The fields of a configuration, checked to survive the file.

    Args:
        config: Instance of a dataclass with fields of type str, int, float, bool, Path, None, or tuples of these
            (without None in them; paths not mixed with text).

    Returns:
        Field names and values, in order.

    Raises:
        TypeError: If ``config`` is no such dataclass.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     seeds: tuple[int, ...] = (0, 1)
        >>> config_values(Config())
        {'seeds': (0, 1)}
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise _checks.fail("config", "an instance of a dataclass", config, "its fields are what is stored", TypeError)
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    for name, value in values.items():
        kinds = {Path if isinstance(leaf, Path) else type(leaf) for leaf in _leaves(value)}
        if not (value is None or kinds <= {Path} or kinds <= set(_PLAIN)):
            bound = "a str, int, float, bool, Path, None or a tuple of these"
            raise _checks.fail(f"config.{name}", bound, value, "it has to come back from a file as it was", TypeError)
    return values


def to_toml(study: str, values: Mapping[str, Any]) -> bytes:
    """The file of a configuration.

    TOML has neither null nor paths. Two lists beside the table name the fields that are one or the other, which keeps
    the table itself plain enough to be edited and handed back.

    Args:
        study: Name of the study.
        values: What ``config_values`` gave.

    Returns:
        UTF-8 text with ``study`` and the table ``[config]``.

    Example:
        >>> print(to_toml("images", {"epochs": 2, "limit": None, "data": Path("a/b")}).decode())
        study = "images"
        unset = [
            "limit",
        ]
        paths = [
            "data",
        ]
        <BLANKLINE>
        [config]
        epochs = 2
        data = "a/b"
        <BLANKLINE>
    """
    unset = [name for name, value in values.items() if value is None]
    paths = [name for name, value in values.items() if any(isinstance(leaf, Path) for leaf in _leaves(value))]
    header = {"study": study} | ({"unset": unset} if unset else {}) | ({"paths": paths} if paths else {})
    table = {name: _plain(value) for name, value in values.items() if value is not None}
    return tomli_w.dumps(header | {"config": table}).encode()


def from_toml(content: bytes) -> tuple[str, dict[str, Any]]:
    """The study and the configuration in such a file; fields that were None come last.

    Args:
        content: What ``to_toml`` gave.

    Returns:
        Name of the study, field names and values.

    Raises:
        ValueError: If it is not such a file.

    Example:
        >>> from_toml(to_toml("images", {"seeds": (0, 1), "data": Path("a/b"), "limit": None}))[1]["seeds"]
        (0, 1)
    """
    document = tomllib.loads(content.decode())
    study, table = document.get("study"), document.get("config")
    unset, paths = document.get("unset", []), document.get("paths", [])
    if not (isinstance(study, str) and isinstance(table, dict) and isinstance(unset, list) and isinstance(paths, list)):
        raise ValueError("it lacks `study` or the table [config]")
    return study, {name: _restored(value, name in paths) for name, value in table.items()} | dict.fromkeys(unset)


def differences(old: Mapping[str, Any], new: Mapping[str, Any], ignore: Collection[str] = ()) -> list[str]:
    """One phrase for each field that differs, with both values.

    Args:
        old: Values of the run that is there.
        new: Values asked for.
        ignore: Fields that may differ.

    Returns:
        Phrases such as "epochs is 2 there and 3 here".

    Example:
        >>> differences({"epochs": 2, "workers": 1}, {"epochs": 3, "workers": 2}, ignore=["workers"])
        ['epochs is 2 there and 3 here']
    """
    names = [name for name in dict(old) | dict(new) if name not in ignore]
    pairs = [(name, old.get(name, _ABSENT), new.get(name, _ABSENT)) for name in names]
    return [f"{name} is {_shown(a)} there and {_shown(b)} here" for name, a, b in pairs if not _same(a, b)]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _restored(value: Any, as_path: bool) -> Any:
    if isinstance(value, list):
        return tuple(_restored(item, as_path) for item in value)
    return Path(value) if as_path and isinstance(value, str) else value


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, tuple) and isinstance(new, tuple):
        return len(old) == len(new) and all(map(_same, old, new))
    return old == new or (old != old and new != new)  # nan is the one value that differs from itself


def _shown(value: Any) -> str:
    if value is _ABSENT:
        return "absent"
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    return repr(str(value)) if isinstance(value, Path) else repr(value)
