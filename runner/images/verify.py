"""Check a built image from inside: every installed version against the lock and the catalog."""

import re
import secrets
import time
from pathlib import Path

import msgspec

from runner.catalog import Image
from runner.cell.container import LABEL, OWNER_LABEL, PROBE, Bind, ContainerSpec
from runner.cell.folders import PROBE_FOLDER, cell_user
from runner.cell.ownership import Owner
from runner.engine import Engine
from runner.errors import ImageError
from runner.plan import Limits
from runner.record import ImageIdentity

LOCK_FILES = "requirements*.txt"
TIMEOUT = 120.0
MAX_ANSWER = 2**20
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^ ;\\]+)", re.MULTILINE)


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
        for name, version in _PIN.findall(path.read_text(encoding="utf-8")):
            pins[re.sub(r"[._]", "-", name.lower())] = version
    if not pins:
        raise ImageError(f"{folder} has no {LOCK_FILES} with pins; write one with 'images lock'.")
    return pins


def installed_versions(engine: Engine, identity: ImageIdentity) -> Installed:
    """Start the image, closed as a cell is, and ask what is installed.

    Raises:
        ImageError: it does not answer.
    """
    uid, gid = cell_user()
    name = f"keras-matrix-verify-{identity.name}-{secrets.token_hex(4)}"
    spec = ContainerSpec(
        name=name,
        image=identity.id,
        command=("python", "-m", "keras_matrix_probe", "packages"),
        environment={"PYTHONPATH": str(PROBE)},
        binds=(Bind(PROBE_FOLDER, PROBE / PROBE_FOLDER.name),),
        user=f"{uid}:{gid}",
        limits=Limits(memory=2**30),
        labels={LABEL: f"verify.{identity.name}", OWNER_LABEL: Owner.this_process().label()},
    )
    try:
        container = engine.create(spec)
        engine.start(container)
        deadline = time.monotonic() + TIMEOUT
        state = engine.state(container)
        while state is not None and state.running and time.monotonic() < deadline:
            time.sleep(0.05)
            state = engine.state(container)
        answer = engine.logs(container, MAX_ANSWER)
        if state is None or state.running or state.exit_code != 0:
            raise ImageError(
                f"The image '{identity.name}' does not start Python; build it again. It said: "
                f"{answer.decode(errors='replace').strip()[-300:]}"
            )
        return msgspec.json.decode(answer, type=Installed)
    except msgspec.MsgspecError as error:
        raise ImageError(
            f"The image '{identity.name}' answers with something else than its versions ({error})."
        ) from error
    finally:
        engine.remove(name)


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
