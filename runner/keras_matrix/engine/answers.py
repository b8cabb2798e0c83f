"""What the engine answers, as plain values, and how it can fail."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras_matrix.engine.security import Security
from keras_matrix.errors import ConfigurationError, EngineError

SHIM = "io.containerd."


@dataclass(frozen=True)
class ImageInfo:
    """An image that the engine holds; ``id`` is its content digest."""

    id: str
    size: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class ContainerState:
    """Where a container stands; ``exit_code`` only says something once it has ended."""

    running: bool
    exit_code: int
    out_of_memory: bool
    error: str


@dataclass(frozen=True)
class ContainerInfo:
    """A container as listed."""

    id: str
    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class EngineFacts:
    """What the engine is; ``runtimes`` are the names of what it can run containers with."""

    version: str
    platform: str
    cpus: int
    memory: int
    limits: Mapping[str, bool]
    security: Security
    runtimes: tuple[str, ...]
    default_runtime: str

    def runtime(self, asked: str) -> str:
        """Return the name of the runtime asked for, or of the engine's own.

        Raises:
            ConfigurationError: the engine has none of that name.
        """
        # One that containerd finds by such a name is in no list.
        if asked and asked not in self.runtimes and not asked.startswith(SHIM):
            raise ConfigurationError(
                f"The container engine has no runtime {asked!r}, only {', '.join(self.runtimes)}; "
                "name one of them with --runtime, or add it to the engine."
            )
        return asked or self.default_runtime


class Input:
    """The standard input of a container."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        # The SDK lends a reader; the socket below it is what can be written to.
        self._socket = getattr(opened, "_sock", opened)

    def send(self, content: bytes) -> None:
        """Write to it.

        Raises:
            EngineError: the container, or the engine, is gone.
        """
        try:
            self._socket.sendall(content)
        except OSError as error:
            raise EngineError(f"The container takes no input ({error.strerror}).") from error

    def close(self) -> None:
        """Close it: the container reads its end."""
        with contextlib.suppress(OSError):
            self._socket.close()
            self._opened.close()
