"""What confines an engine's containers, by its own report. Pure: from its answer to facts."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from keras_matrix.errors import EngineError

UNCONFINED = "unconfined"
"""The name of the seccomp profile that filters no system call."""
SECURITY_MODULES = ("apparmor", "selinux")
"""The Linux security modules that an engine reports."""


@dataclass(frozen=True)
class Security:
    """What an engine confines containers with.

    ``seccomp`` is the name of the profile that filters system calls, empty without one.
    ``modules`` are Linux security modules. ``mapped`` are the user and group number that root in a
    container has on the host, None without user namespaces; a ``rootless`` engine itself runs in a
    user namespace.
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
        """What is missing that should confine cells, each in a sentence."""
        if self.filters_calls:
            return ()
        return (
            (
                "the container engine does not filter system calls (seccomp), so cells can make "
                "all of them; start the engine without '--seccomp-profile unconfined', on a "
                "kernel with seccomp."
            ),
        )

    @property
    def summary(self) -> tuple[str, ...]:
        """What confines containers, as a manifest records it."""
        return tuple(self._summary_parts())

    def _summary_parts(self) -> Iterator[str]:
        yield f"seccomp {self.seccomp or UNCONFINED}"
        yield from self.modules
        if self.mapped is not None:
            yield f"user namespaces at {self.mapped[0]}:{self.mapped[1]}"
        if self.rootless:
            yield "rootless"


def parse(options: Sequence[str], root: str) -> Security:
    """Read ``SecurityOptions`` and ``DockerRootDir`` of the Engine API's ``/info``.

    An engine with user namespaces names its folder by the user and group that it maps root to.

    Raises:
        EngineError: users are mapped, but the folder's name does not say to which numbers.
    """
    fields = dict(_option(option) for option in options)
    mapped = None
    if "userns" in fields:
        numbers = re.fullmatch(r"(\d+)\.(\d+)", PurePosixPath(root).name)
        if numbers is None:
            raise EngineError(
                "The container engine maps users (--userns-remap), but the name of its folder "
                f"{root} does not say to which numbers; use Docker's own engine, or one without "
                "user namespaces."
            )
        mapped = int(numbers[1]), int(numbers[2])
    seccomp = fields.get("seccomp")
    return Security(
        # An engine before 20.10 does not name the profile: it is the default one.
        seccomp="" if seccomp is None else seccomp.get("profile", "default"),
        modules=tuple(name for name in SECURITY_MODULES if name in fields),
        mapped=mapped,
        rootless="rootless" in fields,
    )


def _option(text: str) -> tuple[str, Mapping[str, str]]:
    """Split an option, such as ``name=seccomp,profile=default``."""
    fields = dict(part.partition("=")[::2] for part in text.split(","))
    return fields.pop("name", text), fields
