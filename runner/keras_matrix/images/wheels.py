"""Wheels that a lock gives an address for, since the package index does not have them.

A file on this machine with the locked hash is handed to the build, and taken in place of the
address: a build without that network works, and nothing is downloaded twice.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

FOLDERS_VARIABLES = ("KERAS_MATRIX_WHEELS", "PIP_FIND_LINKS")
"""Environment variables that name folders of wheels; the second one is pip's, and may name
addresses as well, which are left to pip."""
_ADDRESS = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]* @ (\S+/([^\s/#]+\.whl))", re.MULTILINE)
_HASH = re.compile(r"sha256[:=]([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class RemoteWheel:
    """A wheel at an address; ``hashes`` are the SHA-256 digests that its requirement allows."""

    address: str
    file: str
    hashes: frozenset[str]


def addressed(requirements: str) -> Iterator[RemoteWheel]:
    """Yield the wheels that a text of requirements gives addresses for."""
    for match in _ADDRESS.finditer(requirements):
        end = requirements.find("\n", match.end())
        while end != -1 and requirements[end - 1] == "\\":
            end = requirements.find("\n", end + 1)
        rest = requirements[match.end() : end if end != -1 else None]
        yield RemoteWheel(
            address=match[1], file=unquote(match[2]), hashes=frozenset(_HASH.findall(rest))
        )


def local(requirements: str) -> dict[str, Path]:
    """Return the wheels of :func:`addressed` that this machine has, by the name of the file.

    A file of the right name and with another hash is passed over.
    """
    found = {}
    for wheel in addressed(requirements):
        for folder in _folders():
            path = folder / wheel.file
            if path.is_file() and _digest(path) in wheel.hashes:
                found[wheel.file] = path
                break
    return found


def _folders() -> Iterator[Path]:
    for variable in FOLDERS_VARIABLES:
        for word in os.environ.get(variable, "").split():
            if os.path.isdir(word):
                yield Path(word)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
        return digest.hexdigest()
