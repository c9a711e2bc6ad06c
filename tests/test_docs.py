"""Every public name has a docstring with an example and stands in the API pages."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import underdamped

ROOT = Path(__file__).parent.parent
FRONT_DOORS = [
    "underdamped",
    *(
        f"underdamped.{m.name}"
        for m in pkgutil.iter_modules(underdamped.__path__)
        if m.name in ("torch", "optax", "process", "theory")
    ),
]
PUBLIC = [(module, name) for module in FRONT_DOORS for name in importlib.import_module(module).__all__]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_names_stand_in_the_api_pages(module, name):
    pages = "\n".join(path.read_text() for path in (ROOT / "docs" / "api").glob("*.md"))
    assert re.search(rf"^::: {re.escape(module)}\.{name}$", pages, flags=re.MULTILINE), f"add '::: {module}.{name}'"


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_public_names_have_a_docstring(module, name):
    thing = getattr(importlib.import_module(module), name)
    doc = inspect.getdoc(thing) or ""
    assert doc, f"{module}.{name} has no docstring"
    if inspect.isfunction(thing):
        for part in ("Args:", "Returns:", "Example:"):
            assert part in doc, f"the docstring of {module}.{name} lacks {part}"


def test_api_pages_name_nothing_that_is_gone():
    for path in (ROOT / "docs" / "api").glob("*.md"):
        for module, name in re.findall(r"^::: ([\w.]+)\.(\w+)$", path.read_text(), flags=re.MULTILINE):
            assert hasattr(importlib.import_module(module), name), f"{path.name}: {module}.{name}"
