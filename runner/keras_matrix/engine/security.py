"""What an engine closes containers off with, by its own word. Pure: from its answer to facts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from keras_matrix.errors import EngineError

UNCONFINED = "unconfined"
MODULES = ("apparmor", "selinux")


@dataclass(frozen=True)
class Security:
    """What closes containers off on an engine.

    ``seccomp`` is the name of the profile that filters system calls, empty without one.
    ``modules`` are Linux security modules. ``mapped`` are the numbers that root in a container has
    on the host, None without user namespaces; a ``rootless`` engine runs in one itself.
    """

    seccomp: str = ""
    modules: tuple[str, ...] = ()
    mapped: tuple[int, int] | None = None
    rootless: bool = False

    @property
    def filters_calls(self) -> bool:
        """Whether system calls are filtered."""
        return self.seccomp not in ("", UNCONFINED)

    @property
    def weaknesses(self) -> tuple[str, ...]:
        """What is missing that cells ought to be closed off with, each in a sentence."""
        if self.filters_calls:
            return ()
        return (
            (
                "the container engine filters no system calls (seccomp), so cells can reach all "
                "that the kernel has; start it without '--seccomp-profile unconfined', on a "
                "kernel with seccomp."
            ),
        )

    @property
    def told(self) -> tuple[str, ...]:
        """What a manifest keeps of it."""
        return tuple(self._told())

    def _told(self) -> Iterator[str]:
        yield f"seccomp {self.seccomp or UNCONFINED}"
        yield from self.modules
        if self.mapped is not None:
            yield f"user namespaces at {self.mapped[0]}:{self.mapped[1]}"
        if self.rootless:
            yield "rootless"


def parse(options: Sequence[str], root: str) -> Security:
    """Read ``SecurityOptions`` and ``DockerRootDir`` of the Engine API's ``/info``.

    An engine that maps users keeps its files in a folder named by whom it maps root to.

    Raises:
        EngineError: users are mapped, and nothing says to whom.
    """
    found = dict(_option(option) for option in options)
    mapped = None
    if "userns" in found:
        numbers = re.fullmatch(r"(\d+)\.(\d+)", PurePosixPath(root).name)
        if numbers is None:
            raise EngineError(
                f"The container engine maps users (--userns-remap), and its folder {root} does "
                "not say to whom; use an engine of Docker's, or one without user namespaces."
            )
        mapped = int(numbers[1]), int(numbers[2])
    seccomp = found.get("seccomp")
    return Security(
        # An engine before 20.10 names no profile: it is the default one.
        seccomp="" if seccomp is None else seccomp.get("profile", "default"),
        modules=tuple(name for name in MODULES if name in found),
        mapped=mapped,
        rootless="rootless" in found,
    )


def _option(text: str) -> tuple[str, Mapping[str, str]]:
    """Split an option, such as ``name=seccomp,profile=default``."""
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    return fields.pop("name", text), fields
