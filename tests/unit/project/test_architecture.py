"""What the source keeps to, besides the floors, which import-linter checks (pyproject.toml)."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import keras_matrix
import keras_matrix_probe
from tests import ROOT

PACKAGE = Path(keras_matrix.__file__).parent
PROBE = Path(keras_matrix_probe.__file__).parent
PROBE_MODULES = sorted(PROBE.rglob("*.py"))
MODULES = sorted([*PACKAGE.rglob("*.py"), *PROBE_MODULES])
MOST_LINES = 350


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """Return the top-level packages that are imported, those of relative imports as a dot."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else str(node.module).partition(".")[0])
    return found


def at_module_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that run on import: all but the bodies of functions."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", sorted((PACKAGE / "plan").glob("*.py")), ids=name_of)
def test_what_is_planned_needs_the_standard_library_only(path: Path) -> None:
    assert imported(ast.walk(tree_of(path))) <= sys.stdlib_module_names | {"keras_matrix"}


@pytest.mark.parametrize("path", PROBE_MODULES, ids=name_of)
def test_the_probe_is_a_package_of_its_own(path: Path) -> None:
    tree = tree_of(path)
    everywhere = imported(ast.walk(tree))
    theirs = {"numpy", "keras", "theano", "tensorflow", "jax", "torch", "pytest"}
    assert everywhere <= sys.stdlib_module_names | theirs | {"."}
    assert imported(at_module_level(tree)) <= sys.stdlib_module_names | {".", "numpy"}
    within = len(path.relative_to(PROBE).parts)
    levels = [node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert max(levels, default=0) <= within, "leaves the package"


@pytest.mark.parametrize("path", PROBE_MODULES, ids=name_of)
def test_the_probe_is_python_3_6(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


def test_unit_tests_lie_as_the_packages_do() -> None:
    """But for those of the repository itself, and those that try many values."""
    beside = {"project", "fuzz"}
    for test in (ROOT / "tests" / "unit").rglob("test_*.py"):
        first, *more = test.parent.relative_to(ROOT / "tests" / "unit").parts or [""]
        if first not in beside:
            package = PROBE if first == "probe" else PACKAGE / first
            assert package.joinpath(*more).is_dir(), test


def test_few_files_lie_at_the_root() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")}
    assert names == {"__init__", "__main__", "errors", "interrupts", "pytest_plugin", "text"}


@pytest.mark.parametrize("package", [PACKAGE, PROBE], ids=lambda path: path.name)
def test_a_class_name_exists_once(package: Path) -> None:
    places: dict[str, list[str]] = {}
    for path in package.rglob("*.py"):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}
