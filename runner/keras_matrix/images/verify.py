"""Check a built image from inside: compare all installed versions with the lock and the catalog."""

import re
from pathlib import Path
from urllib.parse import unquote

import msgspec

from keras_matrix.engine.client import Engine
from keras_matrix.errors import ImageError
from keras_matrix.images.command import run_command
from keras_matrix.load.catalog import Image
from keras_matrix.plan.contract import PACKAGES_COMMAND, PROBE_MODULE
from keras_matrix.plan.images import ImageIdentity

LOCK_PATTERN = "requirements*.txt"
_NAME = r"([A-Za-z0-9][A-Za-z0-9._-]*)"
_PIN = re.compile(
    rf"^{_NAME}(?:==([^\s;\\]+)| @ \S+/[^\s/]+?-([^\s/-]+)-[^\s/]+\.whl)", re.MULTILINE
)
"""A pin, by its version or by a wheel's address, whose name has the version after the first dash
(PEP 427)."""


class Installed(msgspec.Struct, frozen=True):
    """The versions of Python and of all packages in an image, as the probe reads them there."""

    python: str
    packages: dict[str, str]


def locked_versions(folder: Path) -> dict[str, str]:
    """Return the versions that the folder's locks pin, by normalized name.

    Raises:
        ImageError: there is no lock.
    """
    pins: dict[str, str] = {}
    for path in sorted(folder.glob(LOCK_PATTERN)):
        # Names and versions are ASCII; a comment may hold anything.
        text = path.read_text(encoding="utf-8", errors="replace")
        for name, version, of_wheel in _PIN.findall(text):
            pins[normal(name)] = version or unquote(of_wheel)
    if not pins:
        raise ImageError(f"{folder} has no {LOCK_PATTERN} with pins; write one with 'images lock'.")
    return pins


def normal(name: str) -> str:
    """Return a package's normalized name: in lower case, with dashes (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_versions(engine: Engine, identity: ImageIdentity) -> Installed:
    """Start the image, confined as a cell is, and read which versions are installed.

    Raises:
        ImageError: the probe fails in it, or prints something else.
    """
    command = ("python", "-m", PROBE_MODULE, PACKAGES_COMMAND)
    printed = run_command(engine, identity.id, f"verify.{identity.name}", command)
    try:
        return msgspec.json.decode(printed, type=Installed)
    except msgspec.MsgspecError as error:
        raise ImageError(
            f"The image '{identity.name}' printed something else than its versions ({error}); "
            "build it again."
        ) from error


def mismatches(image: Image, locked: dict[str, str], installed: Installed) -> tuple[str, ...]:
    """Return a line for each difference between an image, its lock and its catalog entry. Pure."""
    lines = []
    if installed.python != image.python:
        lines.append(f"python is {installed.python}, the catalog says {image.python}")
    for name, version in sorted(image.expect.items()):
        if locked.get(name) != version:
            lines.append(
                f"{name} is locked at {locked.get(name, 'nothing')}, the catalog says {version}"
            )
    for name in sorted(locked.keys() | installed.packages.keys()):
        if name not in locked:
            lines.append(f"{name} {installed.packages[name]} is installed, but not locked")
        elif name not in installed.packages:
            lines.append(f"{name} is missing, the lock says {locked[name]}")
        elif installed.packages[name] != locked[name]:
            lines.append(f"{name} is {installed.packages[name]}, the lock says {locked[name]}")
    return tuple(f"{image.name}: {line}" for line in lines)
