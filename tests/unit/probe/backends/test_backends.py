"""Backends are chosen by a table; nothing else in the probe names one."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

import keras_matrix_probe
from keras_matrix_probe import backends
from keras_matrix_probe.backends.base import Backend
from keras_matrix_probe.process.compiled import CompileClock

PROBE = Path(keras_matrix_probe.__file__).parent
ELSEWHERE = sorted(path for path in PROBE.rglob("*.py") if path.parent.name != "backends")


def test_the_backend_is_the_one_that_keras_has_loaded() -> None:
    keras = SimpleNamespace(backend=SimpleNamespace(backend=lambda: "theano"))
    assert backends.of(keras) is backends.BACKENDS["theano"]
    assert backends.named("tensorflow") is backends.BACKENDS["tensorflow"]
    assert {name for name, backend in backends.BACKENDS.items() if backend.turns_kernels} == {
        "theano"
    }


def test_a_backend_without_a_module_needs_nothing() -> None:
    backend = backends.named("cntk")
    backend.install(CompileClock())
    backend.read_compiled()
    backend.seed(1)
    assert (backend.name, backend.variables, backend.turns_kernels) == ("cntk", (), False)
    assert (backend.configuration(), backend.function_options(1000)) == ({}, {})
    with pytest.raises(NotImplementedError, match="gradients under cntk"):
        backend.gradients(0, [1])
    with pytest.raises(NotImplementedError, match="gradients under cntk"):
        backend.gradients_through([], [], [], [])


def test_every_backend_overrides_what_the_base_has() -> None:
    """A method of another name would never be called."""
    protocol = {name for name in vars(Backend) if not name.startswith("_")}
    for backend in backends.BACKENDS.values():
        own = {name for name in vars(type(backend)) if not name.startswith("_")}
        assert own <= protocol, type(backend).__name__


def texts(tree: ast.Module) -> Iterator[str]:
    """Yield names and texts of a module's code: comments and docstrings are for readers."""
    readers = set()
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                readers.add(child.value)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in readers:
            yield node.value
        elif isinstance(node, (ast.Name, ast.FunctionDef, ast.ClassDef)):
            yield node.id if isinstance(node, ast.Name) else node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.name for alias in node.names)
            yield str(getattr(node, "module", ""))


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(PROBE)))
def test_nothing_else_names_a_backend(path: Path) -> None:
    for text in texts(ast.parse(path.read_text(encoding="utf-8"))):
        for name in backends.BACKENDS:
            assert name not in text.lower(), text
