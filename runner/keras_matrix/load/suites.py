"""Test suites: the folder that is mounted into a cell, and the tests that pytest runs."""

import configparser
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keras_matrix.errors import ConfigurationError
from keras_matrix.load import user_files
from keras_matrix.load.script import Script
from keras_matrix.text import brief

SELECTOR = "::"
"""Separates a file from the name of a test in it."""
LISTING_FILE = "suite.json"
CONFTEST = "conftest.py"
PACKAGE = "__init__.py"
ALWAYS = ("pytest.ini", ".pytest.ini")
"""Files that make their folder pytest's root, even if they are empty."""
SECTIONS = {"tox.ini": "pytest", "setup.cfg": "tool:pytest"}
"""Files that make their folder pytest's root if they have this section."""
SKIPPED_FOLDERS = ("__pycache__", "build", "dist", "node_modules", "venv")
"""Folders that pytest does not search, besides those that begin with a dot."""
MAX_FILES = 20_000


@dataclass(frozen=True)
class SuiteTarget:
    """The tests that a user names: a folder, a file, or one test as ``file.py::test``.

    ``root`` is the folder that is mounted, by default that of :func:`find_root`.
    """

    named: str
    root: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Suite(Script):
    """Tests below ``root``, the folder that is mounted; ``path`` is a file or a folder in it.

    ``selected`` names one test in a file, after ``::``. ``content`` lists the Python files and
    the files that configure pytest, each with its digest.
    """

    root: Path
    selected: str = ""

    @property
    def converted(self) -> bool:
        return False

    @property
    def suite(self) -> str:
        """The tests that pytest runs, relative to the folder."""
        # The prefix keeps pytest from taking the path for an option.
        return f"./{self.path.relative_to(self.root).as_posix()}{self.selected}"

    @property
    def files(self) -> dict[str, bytes]:
        return {LISTING_FILE: self.content}

    @property
    def folder(self) -> Path:
        return self.root


def load(target: SuiteTarget) -> Suite:
    """Find the folder of a test suite and list its files.

    Raises:
        ConfigurationError: the file or folder is missing, or is not below ``root``.
    """
    root = target.root
    name, separator, test = target.named.partition(SELECTOR)
    path = Path(name)
    # Path's own method would raise an error for a name that is too long.
    if not os.path.exists(path):
        raise ConfigurationError(f"There is no test file or folder {brief(name)}; check the path.")
    resolved = path.resolve()
    user_files.check_name(resolved)
    if separator and not (test and resolved.is_file()):
        raise ConfigurationError(
            f"{brief(target.named)} names no test; put '::' and the test's name after a file."
        )
    folder = find_root(resolved) if root is None else root.resolve()
    if not (os.path.isdir(folder) and resolved.is_relative_to(folder)):
        raise ConfigurationError(
            f"{name} is not below --root {root}; name a folder that contains the tests and "
            "everything they need."
        )
    if folder.parent == folder:
        raise ConfigurationError(
            f"{name} is at the root of the file system; name a folder with --root."
        )
    content = _listing(folder, resolved, separator + test)
    return Suite(
        path=resolved,
        name=resolved.name if resolved.is_dir() else resolved.stem,
        content=content,
        code=b"",
        root=folder,
        selected=separator + test,
    )


def find_root(path: Path) -> Path:
    """Return the folder that contains the conftest.py files and modules that a suite needs.

    This is pytest's rule: the nearest folder that configures pytest, or else the nearest with a
    setup.py. Without either, it is the suite's own folder, or one further up: as far as each folder
    is a package or has a conftest.py above it.
    """
    own = path if path.is_dir() else path.parent
    above = (own, *own.parents)
    for folder in above:
        if configures(folder):
            return folder
    for folder in above:
        if os.path.isfile(folder / "setup.py"):
            return folder
    root = own
    while root.parent != root and (
        os.path.isfile(root / PACKAGE) or os.path.isfile(root.parent / CONFTEST)
    ):
        root = root.parent
    return root


def configures(folder: Path) -> bool:
    """Tell whether a folder contains a configuration of pytest."""
    if any(os.path.isfile(folder / name) for name in ALWAYS):
        return True
    try:
        content = user_files.read(folder / "pyproject.toml", user_files.MAX_TOML_BYTES)
        tools = user_files.parse_toml(content).get("tool")
        if isinstance(tools, dict) and "pytest" in tools:
            return True
    except (OSError, user_files.MalformedError, ValueError, RecursionError):
        # The file is missing, or pytest cannot read it either.
        pass
    return any(_has_section(folder / name, section) for name, section in SECTIONS.items())


def _has_section(path: Path, section: str) -> bool:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(user_files.read(path, user_files.MAX_TOML_BYTES).decode())
    except (OSError, user_files.MalformedError, configparser.Error, UnicodeDecodeError):
        return False
    return parser.has_section(section)


def _listing(root: Path, target: Path, selected: str) -> bytes:
    files = {}
    for count, path in enumerate(_files(root, target)):
        if count >= MAX_FILES:
            raise ConfigurationError(
                f"{target} contains more than {MAX_FILES} Python files; name a folder of tests."
            )
        user_files.check_name(path)
        content = user_files.read_named(path, "test file", remedy="check its permissions")
        files[path.relative_to(root).as_posix()] = hashlib.sha256(content).hexdigest()
    named = target.relative_to(root).as_posix() + selected
    return msgspec.json.format(msgspec.json.encode({"suite": named, "files": files}), indent=1)


def _files(root: Path, target: Path) -> Iterator[Path]:
    """Yield the Python files of a suite, and the files above it that configure it."""
    for folder in (parent for parent in target.parents if parent.is_relative_to(root)):
        for name in (CONFTEST, *ALWAYS, "pyproject.toml", *SECTIONS):
            if os.path.isfile(folder / name):
                yield folder / name
    if target.is_file():
        yield target
    for current, folders, names in os.walk(target):
        folders[:] = sorted(name for name in folders if not _is_skipped(name))
        python = (Path(current, name) for name in sorted(names) if name.endswith(".py"))
        yield from (path for path in python if os.path.isfile(path))


def _is_skipped(folder: str) -> bool:
    return folder.startswith(".") or folder in SKIPPED_FOLDERS
