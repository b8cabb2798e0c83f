"""How closed a cell is on an engine, read in a container: what the engine says of itself is less.

Podman on control groups v2 reports that it cannot limit CPUs, and limits them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from keras_matrix.engine.client import Engine
from keras_matrix.engine.facts import EngineFacts
from keras_matrix.errors import EngineError, ImageError
from keras_matrix.images.command import COMMAND_LIMITS, run_command
from keras_matrix.plan.contract import SCRATCH
from keras_matrix.plan.images import ImageIdentity
from keras_matrix.run.cell.outcome import FILTERING_RUNTIMES, LIMIT_TOLERANCE

LOOK = f"""
import json, os, shutil, subprocess
from keras_matrix_probe.environment import applied_limits, confinement
copy = "{SCRATCH}/true"
shutil.copy(shutil.which("true"), copy)
print(json.dumps(dict(
    confinement(),
    limits=applied_limits(),
    writable=[path for path in ("/", "/etc", "/usr", "/opt") if os.access(path, os.W_OK)],
    executes=subprocess.call([copy]) == 0,
)))
"""
"""What is run in the container: it prints :class:`Confined`."""


class Confined(msgspec.Struct, frozen=True):
    """How a container was closed, as it saw it; None is what the kernel, or a sandbox, hides.

    ``executes`` is whether a program in the scratch space runs, which Theano needs.
    """

    limits: Mapping[str, float | None]
    seccomp: int | None
    no_new_privileges: bool | None
    capabilities: int | None
    interfaces: Sequence[str] | None
    writable: Sequence[str]
    executes: bool

    def open_to(self, runtime: str) -> tuple[str, ...]:
        """Return what is not closed; ``runtime`` is the engine's name of what ran it."""
        return tuple(self._open_to(runtime))

    def _open_to(self, runtime: str) -> Iterator[str]:
        if self.capabilities:
            yield f"capabilities {self.capabilities:#x}"
        if self.no_new_privileges is False:
            yield "new privileges"
        if self.seccomp == 0 and runtime in FILTERING_RUNTIMES:
            yield "all system calls"
        if self.interfaces:
            yield f"network interfaces {', '.join(self.interfaces)}"
        if self.writable:
            yield f"a writable root ({', '.join(self.writable)})"
        if not self.executes:
            yield "a scratch space that nothing can be executed in"


@dataclass(frozen=True)
class Look:
    """What was seen in a container, or the ``problem`` that kept it from being seen."""

    seen: Confined | None = None
    problem: str = ""

    def limit(self, name: str, facts: EngineFacts) -> tuple[bool, str]:
        """Tell whether a limit on memory, cpus or pids holds, and how that is known."""
        value = self.seen.limits.get(name) if self.seen is not None else None
        if value is not None:
            planned = float(getattr(COMMAND_LIMITS, name))
            holds = math.isclose(value, planned, rel_tol=LIMIT_TOLERANCE)
            return holds, "supported" if holds else f"{value:g} instead of {planned:g}"
        if facts.limits.get(name):
            return True, "supported"
        if self.seen is None and facts.control_groups == 2:
            return True, "not reported by the engine; each cell checks it"
        return False, "not supported: cells would run without it"


def look(engine: Engine, image: ImageIdentity) -> Look:
    """Start a container as cells are, and read how closed it is."""
    try:
        printed = run_command(engine, image.id, f"closed.{image.name}", ("python", "-c", LOOK))
        return Look(msgspec.json.decode(printed, type=Confined))
    except (EngineError, ImageError, msgspec.MsgspecError) as error:
        return Look(problem=str(error))
