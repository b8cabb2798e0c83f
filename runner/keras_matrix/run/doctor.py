"""Check what is missing on this machine to run the matrix, and name the command that mends it."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_matrix.engine.client import Engine
from keras_matrix.engine.facts import EngineFacts
from keras_matrix.engine.security import Security
from keras_matrix.engine.users import Users, cell_user
from keras_matrix.errors import EngineError, ImageError
from keras_matrix.images import build, standin
from keras_matrix.load.catalog import Catalog, Image
from keras_matrix.plan.images import BasePolicy
from keras_matrix.run import closed
from keras_matrix.run.closed import Look


@dataclass(frozen=True)
class Check:
    """The result of one check. ``remedy`` is a command, or a sentence where no command helps.

    A check that is ``ok`` and has a remedy passed, but the result could be better.
    """

    name: str
    ok: bool
    found: str
    remedy: str = ""


def examine(catalog: Catalog, images: Sequence[Image], policy: BasePolicy) -> tuple[Check, ...]:
    """Check the engine, its limits, some images, and what building those that are missing takes."""
    try:
        connected = Engine.connect()
    except EngineError as error:
        return (_no_engine(error),)
    with connected as engine:
        facts = engine.facts()
        built = {image.name: build.find(engine, catalog, image, policy) for image in images}
        one = next(filter(None, built.values()), None)
        user = _check_user(facts.security)
        # Without a user to run as, there is no container to look into.
        seen = closed.look(engine, one) if one is not None and user.ok else closed.Look()
        checks = [
            *_check_engine(facts),
            *_check_limits(facts, seen),
            *_check_confinement(facts),
            user,
            _check_closed(facts, seen),
            *(
                Check(f"image {image.name}", True, f"built on base {image.base.value}")
                for image in built.values()
                if image is not None
            ),
        ]
        missing = [image for image in images if built[image.name] is None]
        checks += _check_builds(engine, missing, policy)
    return tuple(checks)


def _check_engine(facts: EngineFacts) -> Iterator[Check]:
    """Name what the engine is and how it works: nothing of that can be missing."""
    api = f"API {facts.api[0]} to {facts.api[1]}"
    yield Check("engine", True, f"{facts.kind.value} {facts.version} on {facts.platform}; {api}")
    yield Check("image store", True, f"{facts.store.value} ({facts.storage})")
    yield Check("builder", True, facts.builder)
    version = f"version {facts.control_groups}" if facts.control_groups else "version not reported"
    yield Check("control groups", True, version)


def _check_limits(facts: EngineFacts, seen: Look) -> Iterator[Check]:
    for name in facts.limits:
        holds, found = seen.limit(name, facts)
        remedy = "" if holds else "use an engine whose kernel has this control group"
        yield Check(f"limit on {name}", holds, found, remedy)


def _check_closed(facts: EngineFacts, look: Look) -> Check:
    """Check how closed a container was that was started as cells are."""
    if look.problem:
        return Check("closed cell", False, "no container starts", look.problem)
    if look.seen is None:
        return Check("closed cell", True, "not tried: no image is built; each cell checks it")
    found = look.seen.open_to(facts.default_runtime)
    if found:
        remedy = "use an engine that confines cells, with its default seccomp profile"
        return Check("closed cell", False, f"it has {'; '.join(found)}", remedy)
    return Check(
        "closed cell",
        True,
        "no network, capability or new privilege; read-only root; executable scratch space",
    )


def _check_confinement(facts: EngineFacts) -> Iterator[Check]:
    """Check what the engine confines cells with."""
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


def _check_user(security: Security) -> Check:
    """Check which user cells run as."""
    try:
        user = cell_user(security, (os.getuid(), os.getgid()))
    except EngineError as error:
        return Check("user of cells", False, "none", str(error))
    found = f"{user.name}, on the host {user.outside[0]}:{user.outside[1]}"
    if user.users is Users.HOST_DESPITE_NAMESPACE:
        remedy = "sudo keras-matrix ...  # only root can take over files of a mapped user"
        return Check("user of cells", True, f"{found}, without the user namespace", remedy)
    return Check("user of cells", True, found)


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
