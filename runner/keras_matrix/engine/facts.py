"""What an engine is, by its own report. Pure: from its answers to facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from keras_matrix.engine import security
from keras_matrix.engine.security import Security
from keras_matrix.errors import ConfigurationError

SHIM_PREFIX = "io.containerd."
"""How the name of a runtime begins that containerd finds as a program of its own (a shim)."""
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
"""The ``driver-type`` in the ``DriverStatus`` of an engine whose images are in containerd."""


class Kind(Enum):
    """Whose engine it is."""

    DOCKER = "Docker"
    PODMAN = "Podman"


class StoreKind(Enum):
    """Where an engine keeps images.

    The id of an image is the digest of its manifest in containerd's store, and that of its
    configuration elsewhere.
    """

    CONTAINERD = "containerd"
    OWN = "the engine's own"


@dataclass(frozen=True)
class EngineFacts:
    """What the engine is and what it can do.

    ``memory`` is in bytes. ``limits`` say which kinds of limits the engine can apply. ``runtimes``
    are the names of the runtimes that it can run containers with. ``api`` are the oldest and the
    newest version of its API. ``control_groups`` is their version, 0 if it is unknown; ``storage``
    names the driver of its file systems.
    """

    version: str
    platform: str
    cpus: int
    memory: int
    limits: Mapping[str, bool]
    security: Security
    runtimes: tuple[str, ...]
    default_runtime: str
    kind: Kind = Kind.DOCKER
    api: tuple[str, str] = ("", "")
    store: StoreKind = StoreKind.OWN
    storage: str = ""
    control_groups: int = 0

    @property
    def builder(self) -> str:
        """What builds images for a request of the engine's API."""
        return "Buildah" if self.kind is Kind.PODMAN else "the classic builder"

    def runtime(self, name: str) -> str:
        """Return the name of a runtime: the one given, or the engine's default if it is empty.

        Raises:
            ConfigurationError: the engine has no runtime of that name.
        """
        if name not in ("", self.default_runtime) and self.kind is Kind.PODMAN:
            raise ConfigurationError(
                f"Podman's API runs containers with its default runtime only, which is "
                f"{self.default_runtime}; leave --runtime out, or set another default in "
                "containers.conf(5)."
            )
        # The engine does not list shims.
        if name and name not in self.runtimes and not name.startswith(SHIM_PREFIX):
            raise ConfigurationError(
                f"The container engine has no runtime {name!r}, only {', '.join(self.runtimes)}; "
                f"name one of them with --runtime, or add {name!r} to the engine."
            )
        return name or self.default_runtime


def parse(info: Mapping[str, Any], version: Mapping[str, Any]) -> EngineFacts:
    """Read the Engine API's ``/info`` and ``/version``.

    Raises:
        EngineError: users are mapped to numbers that cannot be told.
    """
    components = [str(part.get("Name", "")) for part in version.get("Components") or ()]
    podman = any(name.startswith("Podman") for name in components)
    status = dict(pair for pair in info.get("DriverStatus") or () if len(pair) == 2)
    containerd = status.get("driver-type") == CONTAINERD_STORE
    groups = str(info.get("CgroupVersion") or "")
    default_runtime = str(info.get("DefaultRuntime", ""))
    # Podman lists what it is configured for, installed or not, and its API (libpod's handlers for
    # Docker's clients) passes over the runtime that a request names.
    runtimes = (default_runtime,) if podman else tuple(sorted(info.get("Runtimes") or ()))
    return EngineFacts(
        version=str(info.get("ServerVersion", "?")),
        platform=f"{info.get('OperatingSystem', '?')}, {info.get('Architecture', '?')}",
        cpus=int(info.get("NCPU", 0)),
        memory=int(info.get("MemTotal", 0)),
        limits={
            "memory": bool(info.get("MemoryLimit")),
            "cpus": bool(info.get("CpuCfsQuota")),
            "pids": bool(info.get("PidsLimit")),
        },
        security=security.parse(
            info.get("SecurityOptions") or (), str(info.get("DockerRootDir", ""))
        ),
        runtimes=runtimes,
        default_runtime=default_runtime,
        kind=Kind.PODMAN if podman else Kind.DOCKER,
        api=(str(version.get("MinAPIVersion", "")), str(version.get("ApiVersion", ""))),
        store=StoreKind.CONTAINERD if containerd else StoreKind.OWN,
        storage=str(info.get("Driver", "")),
        control_groups=int(groups) if groups.isdigit() else 0,
    )
