"""What an image contains: its system, Debian packages, Python and Python packages."""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keras_matrix.engine.client import Engine
from keras_matrix.errors import ImageError
from keras_matrix.images.command import run_command
from keras_matrix.images.verify import LOCK_PATTERN, Installed, installed_versions, normal
from keras_matrix.plan.images import ImageIdentity

DPKG_FORMAT = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\n"
PRINT_CONTENTS = """
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
_LOCKED = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:==| @ ).*?(?=^\S|\Z)", re.MULTILINE | re.DOTALL
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class DebianPackage:
    """A package of the distribution; ``source`` is the name of its source package."""

    name: str
    version: str
    architecture: str
    source: str


@dataclass(frozen=True)
class Contents:
    """The contents of an image; ``release`` has the fields of its ``/etc/os-release``."""

    installed: Installed
    release: dict[str, str]
    debian: tuple[DebianPackage, ...]


class _PrintedContents(msgspec.Struct, frozen=True):
    """The output of :data:`PRINT_CONTENTS`; ``listed`` is that of ``dpkg-query``."""

    release: dict[str, str]
    listed: str


def contents(engine: Engine, identity: ImageIdentity) -> Contents:
    """Start the image, confined as a cell is, and read what it contains.

    Raises:
        ImageError: the commands fail in it, or print something else.
    """
    command = ("python", "-c", PRINT_CONTENTS, DPKG_FORMAT)
    printed = run_command(engine, identity.id, f"contents.{identity.name}", command)
    try:
        system = msgspec.json.decode(printed, type=_PrintedContents)
        debian = parse_debian(system.listed)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ImageError(
            f"The image '{identity.name}' printed something else than its packages ({error}); "
            "build it again."
        ) from error
    return Contents(installed_versions(engine, identity), system.release, debian)


def parse_debian(listed: str) -> tuple[DebianPackage, ...]:
    """Read the output of ``dpkg-query``, without packages of which only the settings are left.

    Raises:
        ValueError: a line has other fields.
    """
    rows = [line.split("\t") for line in listed.splitlines()]
    if any(len(row) != 5 for row in rows):
        raise ValueError("a line of dpkg-query has other fields")
    return tuple(DebianPackage(*row[1:]) for row in rows if row[0].startswith("ii"))


def locked_hashes(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return, for each package, the SHA-256 digests of the files that the locks allow."""
    hashes = {}
    for path in sorted(folder.glob(LOCK_PATTERN)):
        for match in _LOCKED.finditer(path.read_text(encoding="utf-8")):
            hashes[normal(match[1])] = tuple(_HASH.findall(match[0]))
    return hashes
