"""Check what is missing on this machine to run the matrix, and name the command that mends it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.engine.client import Engine
from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.users import Users, cell_user
from keras_matrix.errors import EngineError, ImageError
from keras_matrix.images import build, standin
from keras_matrix.load.catalog import Catalog, Image
from keras_matrix.plan.images import BasePolicy


@dataclass(frozen=True)
class Check:
    """The result of one check. ``remedy`` is a command, or a sentence where no command helps.

    A check that is ``ok`` and has a remedy passed, but the result could be better.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(catalog: Catalog, policy: BasePolicy) -> tuple[Check, ...]:
    """Check the engine, its limits, the images, and what building the missing images takes."""
    try:
        connected = Engine.connect()
    except EngineError as error:
        return (_no_engine(error),)
    with connected as engine:
        facts = engine.facts()
        checks = [Check("engine", True, f"{facts.version} on {facts.platform}")]
        for name, supported in facts.limits.items():
            found = "supported" if supported else "not supported: cells would run without it"
            remedy = "" if supported else "use an engine whose kernel has this control group"
            checks.append(Check(f"limit on {name}", supported, found, remedy))
        checks += _check_confinement(facts)
        missing = []
        for image in catalog.images:
            built = build.find(engine, catalog, image, policy)
            if built is None:
                missing.append(image)
            else:
                base = f"built on base {built.base.value}"
                checks.append(Check(f"image {image.name}", True, base))
        checks += _check_builds(engine, missing, policy)
    return tuple(checks)


def _check_confinement(facts: EngineFacts) -> Iterator[Check]:
    """Check what the engine confines cells with, and which user they run as."""
    runtimes = (name for name in facts.runtimes if name != facts.default_runtime)
    names = ", ".join((f"{facts.default_runtime} (default)", *runtimes))
    yield Check("runtime", True, names)
    security = facts.security
    if security.filters_calls:
        modules = "".join(f", {name}" for name in security.modules)
        yield Check("seccomp", True, f"profile {security.seccomp}{modules}")
    else:
        remedy = "start the engine without --seccomp-profile unconfined, on a kernel with seccomp"
        yield Check("seccomp", True, "none: cells can make all system calls", remedy)
    try:
        user = cell_user(security, (os.getuid(), os.getgid()))
    except EngineError as error:
        yield Check("user of cells", False, "none", str(error))
        return
    found = f"{user.name}, on the host {user.outside[0]}:{user.outside[1]}"
    if user.users is Users.HOST_DESPITE_NAMESPACE:
        remedy = "sudo keras-matrix ...  # only root can take over files of a mapped user"
        yield Check("user of cells", True, f"{found}, without the user namespace", remedy)
    else:
        yield Check("user of cells", True, found)


def _no_engine(error: EngineError) -> Check:
    text = str(error)
    if "Permission denied" in text:
        remedy = "sudo usermod --append --groups docker $USER  # then log in again"
    elif shutil.which("dockerd") is None:
        remedy = "sudo apt-get install docker.io"
    else:
        remedy = "sudo systemctl start docker  # without systemd: sudo dockerd &"
    return Check("engine", False, "no container engine answers", remedy)


def _check_builds(engine: Engine, missing: Sequence[Image], policy: BasePolicy) -> list[Check]:
    checks: list[Check] = []
    for image in missing:
        wrong = engine.registry_error(image.base.pinned)
        if not wrong and policy is not BasePolicy.STANDIN:
            checks.append(
                Check(f"image {image.name}", True, "not built yet; its base is available")
            )
            continue
        if policy is BasePolicy.HUB:
            remedy = "make the image registry reachable, or allow --base auto"
            checks.append(Check(f"image {image.name}", False, f"no base: {wrong}", remedy))
            continue
        checks.append(Check(f"image {image.name}", True, "not built yet; on a stand-in base"))
        checks += [check for check in _check_standin(image) if check not in checks]
    return checks


def _check_standin(image: Image) -> list[Check]:
    checks = []
    program = shutil.which("mmdebstrap")
    checks.append(
        Check("mmdebstrap", True, program)
        if program
        else Check("mmdebstrap", False, "missing", "sudo apt-get install mmdebstrap")
    )
    name = f"CPython {image.python}"
    try:
        checks.append(Check("release", True, " ".join(standin.debian_release())))
        checks.append(Check(name, True, str(standin.find_cpython(image.python))))
    except ImageError as error:
        checks.append(Check(name, False, str(error), f"pyenv install {image.python}"))
    return checks
