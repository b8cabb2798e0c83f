import importlib.util
import sys
from types import ModuleType

import pytest

from keras_matrix.load import catalog
from tests import ROOT


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("toxfile", ROOT / "toxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toxfile(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return load()


def test_every_image_is_an_env(toxfile: ModuleType) -> None:
    shipped = catalog.load(ROOT / "docker")
    assert toxfile.image_names() == list(shipped.names)
    assert toxfile.tox_extend_envs() == shipped.names
