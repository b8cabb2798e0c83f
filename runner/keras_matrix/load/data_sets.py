"""The data sets of Keras that a script loads, as far as its source shows."""

import ast
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import ConfigurationError
from keras_matrix.load.script import Script

FILES = {
    "boston_housing": ("boston_housing.npz",),
    "cifar10": ("cifar-10-batches-py|cifar-10-batches-py.tar.gz",),
    "cifar100": ("cifar-100-python|cifar-100-python.tar.gz",),
    "fashion_mnist": (
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        "fashion-mnist/train-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
    ),
    "imdb": ("imdb.npz",),
    "mnist": ("mnist.npz",),
    "reuters": ("reuters.npz",),
}
"""Modules of ``keras.datasets`` and their files in the cache (tag 2.3.1); ``a|b`` is either."""
MAX_LINKS = 40
"""The number of links in a path that Linux follows (path_resolution(7))."""


@dataclass(frozen=True)
class MissingFile:
    """A file that a script's data set needs and that cells do not find in the data folder.

    With ``leads_out``, the file is a link out of the folder, which cells cannot follow.
    """

    module: str
    file: str
    leads_out: bool = False


def loaded_modules(source: bytes) -> tuple[str, ...]:
    """Return the modules of ``keras.datasets`` whose ``load_data()`` the source calls.

    Only calls with the default path count. The result is empty for a source that this Python cannot
    parse: the cell's own Python reports what is wrong with it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "keras.datasets":
            names.update((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(
                (alias.asname, alias.name)
                for alias in node.names
                if alias.asname is not None and alias.name.startswith("keras.datasets.")
            )
    modules = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        keywords = {keyword.arg for keyword in node.keywords}
        if node.func.attr != "load_data" or node.args or keywords & {"path", None}:
            continue
        owner = _dotted(node.func.value)
        module = names.get(owner, owner).rpartition(".")[2]
        if owner in names or owner.startswith("keras.datasets."):
            modules.append(module)
    return tuple(dict.fromkeys(module for module in modules if module in FILES))


def _dotted(node: ast.expr) -> str:
    """Return a name such as ``keras.datasets.mnist``, or an empty text for another expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def missing(source: bytes, data: Path | None) -> tuple[MissingFile, ...]:
    """Return the files that the source's data sets need and cells do not find in ``data``."""
    files = (
        _missing(module, file, data) for module in loaded_modules(source) for file in FILES[module]
    )
    return tuple(file for file in files if file is not None)


def _missing(module: str, file: str, data: Path | None) -> MissingFile | None:
    either = file.split("|")
    if data is None:
        return MissingFile(module, either[0])
    out = [name for name in either if _leads_out(data, name)]
    if any((data / name).exists() for name in either if name not in out):
        return None
    return MissingFile(module, out[0], leads_out=True) if out else MissingFile(module, either[0])


def _leads_out(folder: Path, name: str, links: int = MAX_LINKS) -> bool:
    """Tell whether a name within a folder goes through a link that leads out of it.

    In a cell the folder has another path, so an absolute link always leads out of it.
    """
    parts = Path(name).parts
    for count in range(1, len(parts) + 1):
        at = os.path.join(*parts[:count])
        if not os.path.islink(folder / at):
            continue
        target = os.readlink(folder / at)
        within = os.path.normpath(os.path.join(os.path.dirname(at), target))
        if os.path.isabs(target) or within.split(os.sep)[0] == os.pardir or not links:
            return True
        return _leads_out(folder, os.path.join(within, *parts[count:]), links - 1)
    return False


def check(script: Script, data: Path | None) -> None:
    """Check, before any cell starts, that cells find the script's data sets.

    Raises:
        ConfigurationError: the folder, or a file in it, is missing.
    """
    if data is not None and not os.path.isdir(data):
        raise ConfigurationError(f"--data {data} is not a folder; check the path.")
    for file in missing(script.code, data):
        if file.leads_out:
            raise ConfigurationError(
                f"{script.path.name} loads keras.datasets.{file.module}, whose file {file.file} in "
                f"{data} is a link that leads out of the folder, which cells cannot follow; "
                "put the file itself there."
            )
        where = f"put it into {data}" if data is not None else "name its folder with --data"
        raise ConfigurationError(
            f"{script.path.name} loads keras.datasets.{file.module}, whose file {file.file} is "
            f"missing; cells have no network, so {where}."
        )
