"""What the engine answers, as plain values, and the standard input of a container."""

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.errors import EngineError

INHERITED = ("Cmd", "Entrypoint", "Env", "Labels", "User")
"""Fields of an image's configuration that are the same on every engine."""


@dataclass(frozen=True)
class ImageInfo:
    """An image that the engine stores.

    ``id`` is what this engine calls it: the digest of its configuration, or of its manifest in
    containerd's store. ``content`` is the same on every engine (:func:`content_digest`).
    """

    id: str
    labels: Mapping[str, str]
    content: str = ""

    @classmethod
    def parse(cls, inspected: Mapping[str, Any]) -> "ImageInfo":
        """Read the Engine API's answer to ``/images/{name}/json``."""
        config = inspected.get("Config") or {}
        return cls(
            id=str(inspected["Id"]),
            labels=dict(config.get("Labels") or {}),
            content=content_digest((inspected.get("RootFS") or {}).get("Layers") or (), config),
        )


def content_digest(layers: Sequence[str], config: Mapping[str, Any]) -> str:
    """Return a digest of what an image holds: its layers, and what a container inherits of it.

    ``layers`` are the digests of the layers' archives, without compression (``diff_ids`` in the OCI
    image specification, config.md). An engine's own id depends on how it stores the image.
    """
    inherited = {name: config.get(name) or None for name in INHERITED}
    folder = config.get("WorkingDir")
    inherited["WorkingDir"] = None if folder in (None, "", "/") else folder
    text = json.dumps([list(layers), inherited], sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


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


class Input:
    """The standard input of a container."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        # The SDK returns a stream for reading; only the socket below it can be written to.
        self._socket = getattr(stream, "_sock", stream)
        self._answer = getattr(stream, "_response", None)

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
            # The answer before the socket below it: it is flushed when it is closed, at the latest
            # by the garbage collector, which prints an error then (Python 3.13).
            if self._answer is not None:
                self._answer.close()
            self._stream.close()
            self._socket.close()
