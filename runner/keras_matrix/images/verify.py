"""Check a built image from inside: every installed version against the lock and the catalog."""

import re
from pathlib import Path

import msgspec

from keras_matrix.engine.client import Engine
from keras_matrix.errors import ImageError
from keras_matrix.images.ask import ask
from keras_matrix.load.catalog import Image
from keras_matrix.plan.contract import PACKAGES_COMMAND, PROBE_MODULE
from keras_matrix.plan.images import ImageIdentity

LOCK_FILES = "requirements*.txt"
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


class Installed(msgspec.Struct, frozen=True):
    """What an image says is installed in it."""

    python: str
    packages: dict[str, str]


def locked_versions(folder: Path) -> dict[str, str]:
    """Return what the folder's locks pin: names in lower case with dashes.

    Raises:
        ImageError: there is no lock.
    """
    pins: dict[str, str] = {}
    for path in sorted(folder.glob(LOCK_FILES)):
        # Names and versions are ASCII, whatever else is in a comment.
        for name, version in _PIN.findall(path.read_text(encoding="utf-8", errors="replace")):
            pins[normal(name)] = version
    if not pins:
        raise ImageError(f"{folder} has no {LOCK_FILES} with pins; write one with 'images lock'.")
    return pins


def normal(name: str) -> str:
    """Return a package's name as it is compared: in lower case, with dashes."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_versions(engine: Engine, identity: ImageIdentity) -> Installed:
    """Start the image, closed as a cell is, and ask what is installed.

    Raises:
        ImageError: it does not answer.
    """
    command = ("python", "-m", PROBE_MODULE, PACKAGES_COMMAND)
    answer = ask(engine, identity.id, f"verify.{identity.name}", command)
    try:
        return msgspec.json.decode(answer, type=Installed)
    except msgspec.MsgspecError as error:
        raise ImageError(
            f"The image '{identity.name}' answers with something else than its versions ({error})."
        ) from error


def mismatches(image: Image, locked: dict[str, str], installed: Installed) -> tuple[str, ...]:
    """Compare an image with its lock and its catalog entry; one line a mismatch. Pure."""
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
