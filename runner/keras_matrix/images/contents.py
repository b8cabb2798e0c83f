"""What is inside an image: its system, Debian packages, Python and Python packages."""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keras_matrix.engine.client import Engine
from keras_matrix.errors import ImageError
from keras_matrix.images.ask import ask
from keras_matrix.images.verify import LOCK_FILES, Installed, installed_versions, normal
from keras_matrix.plan.images import ImageIdentity

FORMAT = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
READ = """
import json, shutil, subprocess, sys
release = dict(
    line.rstrip("\\n").replace('"', "").split("=", 1)
    for line in open("/etc/os-release") if "=" in line
)
listed = b""
if shutil.which("dpkg-query"):
    listed = subprocess.check_output(["dpkg-query", "--show", "--showformat=" + sys.argv[1]])
print(json.dumps({"release": release, "listed": listed.decode()}))
"""
_REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==.*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class DebianPackage:
    """A package of the distribution; ``source`` is what it was built from."""

    name: str
    version: str
    architecture: str
    source: str


@dataclass(frozen=True)
class Contents:
    """What is inside an image; ``release`` is its ``/etc/os-release``."""

    installed: Installed
    release: dict[str, str]
    debian: tuple[DebianPackage, ...]


class _Answer(msgspec.Struct, frozen=True):
    release: dict[str, str]
    listed: str


def contents(engine: Engine, identity: ImageIdentity) -> Contents:
    """Start the image, closed as a cell is, and ask what is inside.

    Raises:
        ImageError: it does not answer.
    """
    command = ("python", "-c", READ, FORMAT)
    answer = ask(engine, identity.id, f"contents.{identity.name}", command)
    try:
        told = msgspec.json.decode(answer, type=_Answer)
        debian = parse_debian(told.listed)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ImageError(
            f"The image '{identity.name}' answers with something else than its packages ({error})."
        ) from error
    return Contents(installed_versions(engine, identity), told.release, debian)


def parse_debian(listed: str) -> tuple[DebianPackage, ...]:
    """Read what ``dpkg-query`` lists; what is removed but for its settings is left out.

    Raises:
        ValueError: it is something else.
    """
    rows = [line.split("\t") for line in listed.splitlines()]
    if any(len(row) != 5 for row in rows):
        raise ValueError("a line of dpkg-query has other fields")
    return tuple(DebianPackage(*row[1:]) for row in rows if row[0].startswith("ii"))


def locked_hashes(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return the SHA-256 of the files that the locks allow for each package."""
    found = {}
    for path in sorted(folder.glob(LOCK_FILES)):
        for match in _REQUIREMENT.finditer(path.read_text(encoding="utf-8")):
            found[normal(match[1])] = tuple(_HASH.findall(match[0]))
    return found
