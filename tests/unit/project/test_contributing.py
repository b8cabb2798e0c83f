"""CONTRIBUTING.md: its map is that of the packages as they are."""

import importlib.util
import re
from types import ModuleType

import pytest

from tests import ROOT


@pytest.fixture(scope="module")
def make_map() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_map", ROOT / "docs" / "make_map.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_is_as_the_docstrings_say(make_map: ModuleType) -> None:
    text = make_map.CONTRIBUTING.read_text(encoding="utf-8")
    assert make_map.rendered(text) == text, "run: python docs/make_map.py"


def test_every_package_is_on_the_map(make_map: ModuleType) -> None:
    packages = {path.parent for path in (ROOT / "runner").rglob("__init__.py")}
    assert set(make_map.packages()) == packages - {ROOT / "runner" / "keras_matrix"}


def test_every_package_says_what_goes_in_and_out(make_map: ModuleType) -> None:
    for row in make_map.rows():
        assert re.search(r"\| In: .* Out: ", row), row
