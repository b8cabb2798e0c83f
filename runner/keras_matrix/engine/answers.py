"""What the engine answers, as plain values, and the standard input of a container."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras_matrix.engine.security import Security
from keras_matrix.errors import ConfigurationError, EngineError

SHIM_PREFIX = "io.containerd."
"""How the name of a runtime begins that containerd finds as a program of its own (a shim)."""


@dataclass(frozen=True)
class ImageInfo:
    """An image that the engine stores; ``id`` is its digest, ``size`` is in bytes."""

    id: str
    size: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class ContainerState:
    """The state of a container; ``exit_code`` only has a meaning once the container has ended."""

    running: bool
    exit_code: int
    out_of_memory: bool
    error: str


@dataclass(frozen=True)
class ContainerInfo:
    """A container in the engine's list."""

    id: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class EngineFacts:
    """What the engine is and what it can do.

    ``memory`` is in bytes. ``limits`` say which kinds of limits the engine can apply. ``runtimes``
    are the names of the runtimes that it can run containers with.
    """

    version: str
    platform: str
    cpus: int
    memory: int
    limits: Mapping[str, bool]
    security: Security
    runtimes: tuple[str, ...]
    default_runtime: str

    def runtime(self, name: str) -> str:
        """Return the name of a runtime: the one given, or the engine's default if it is empty.

        Raises:
            ConfigurationError: the engine has no runtime of that name.
        """
        # The engine does not list shims.
        if name and name not in self.runtimes and not name.startswith(SHIM_PREFIX):
            raise ConfigurationError(
                f"The container engine has no runtime {name!r}, only {', '.join(self.runtimes)}; "
                f"name one of them with --runtime, or add {name!r} to the engine."
            )
        return name or self.default_runtime


class Input:
    """The standard input of a container."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        # The SDK returns a stream for reading; only the socket below it can be written to.
        self._socket = getattr(stream, "_sock", stream)

    def send(self, content: bytes) -> None:
        """Write to the standard input.

        Raises:
            EngineError: the container, or the engine, is gone.
        """
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise EngineError(
                f"The container's standard input is closed ({error.strerror})."
            ) from error

    def close(self) -> None:
        """Close the standard input; the container then reads its end."""
        with contextlib.suppress(OSError):
            self._socket.close()
            self._stream.close()
