import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from keras_matrix.records.events import Environment
from keras_matrix_probe import environment


def test_the_host_reads_the_environment() -> None:
    backend = SimpleNamespace(
        backend=lambda: "mxnet",
        floatx=lambda: "float32",
        epsilon=lambda: 1e-7,
        image_data_format=lambda: "channels_last",
    )
    described = environment.describe(SimpleNamespace(backend=backend, __version__="2.3.1"), 1.5)
    decoded = msgspec.convert({"event": "environment", **described}, Environment)
    assert (decoded.backend, decoded.keras, decoded.import_seconds) == ("mxnet", "2.3.1", 1.5)
    assert decoded.packages["numpy"]
    assert decoded.cpu_count >= 1
    assert decoded.backend_config == {}


def test_packages_are_read_off_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, entry, file, text in (
        (first, "Zope.Interface_x-1.0.dist-info", "METADATA", "Name: Zope.Interface_x\nVersion: 1"),
        (first, "old-2.egg-info", "PKG-INFO", "Name: old\nVersion: 2\n\nName: body\n"),
        (second, "old-3.dist-info", "METADATA", "Name: old\nVersion: 3\n"),
        (second, "no.dist-info", "OTHER", ""),
    ):
        (folder / entry).mkdir(parents=True)
        (folder / entry / file).write_text(text)
    monkeypatch.setattr(sys, "path", [str(first), str(tmp_path / "missing"), str(second)])
    # The first on the path is the one that is imported.
    assert environment.installed_packages() == {"zope-interface-x": "1", "old": "2"}
