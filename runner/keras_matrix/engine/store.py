"""The images that an engine stores: found, pulled, built, saved and loaded."""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from keras_matrix.engine import faults
from keras_matrix.engine.answers import ImageInfo
from keras_matrix.engine.connection import Connection, explained_errors
from keras_matrix.errors import BuildFailedError, EngineError, ImageNotFoundError, RegistryError


class ImageStore(Connection):
    """A connection that finds, makes and moves images."""

    @Connection._bounded
    def image(self, reference: str) -> ImageInfo | None:
        """Return an image that the engine stores; None if it has no such image."""
        try:
            with explained_errors():
                image = self._client.api.inspect_image(reference)
        except ImageNotFoundError:
            return None
        return ImageInfo.parse(image)

    @Connection._bounded
    def image_size(self, reference: str) -> int:
        """Return the bytes of an image's files.

        They are the sum of its layers: the size that an engine tells of an image is that of
        compressed archives in containerd's store.
        """
        return sum(int(layer["Size"]) for layer in self._client.api.history(reference))

    @Connection._bounded
    def tag_image(self, reference: str, tag: str) -> None:
        """Give an image a further tag; the image that had it loses it."""
        repository, _, version = tag.rpartition(":")
        self._client.api.tag(reference, repository, version, force=True)

    @Connection._bounded
    def remove_image(self, reference: str) -> None:
        """Remove an image's tag, if it exists, and what no other tag refers to."""
        with contextlib.suppress(ImageNotFoundError), explained_errors():
            self._client.api.remove_image(reference)

    def pull(self, reference: str, platform: str) -> None:
        """Pull an image.

        Raises:
            ImageNotFoundError: the registry answers that it has no such image.
            RegistryError: the registry cannot be reached, or refuses.
        """
        try:
            with explained_errors(), self._long_timeout() as api:
                for event in api.pull(reference, stream=True, decode=True, platform=platform):
                    if problem := faults.stream_error(event):
                        raise RegistryError(problem)
        except ImageNotFoundError:
            raise
        except EngineError as error:
            text = faults.reason(error.__cause__ or error)
            # The registry's own words, which the engine passes on with any status.
            unknown = "manifest unknown" in text
            raise (ImageNotFoundError if unknown else RegistryError)(text) from error

    @Connection._bounded
    def registry_error(self, reference: str) -> str:
        """Query the registry about an image without pulling it; return its error, or ''."""
        try:
            with explained_errors():
                self._client.api.inspect_distribution(reference)
        except EngineError as error:
            return faults.reason(error.__cause__ or error)
        return ""

    def build(
        self,
        *,
        context: IO[bytes],
        tag: str,
        arguments: Mapping[str, str],
        labels: Mapping[str, str],
        platform: str,
        on_line: Callable[[str], None],
    ) -> None:
        """Build an image from a tar archive of its folder.

        Raises:
            BuildFailedError: a step failed; the message is its output.
        """
        with explained_errors(), self._long_timeout() as api:
            events = api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                buildargs=dict(arguments),
                labels=dict(labels),
                platform=platform,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for event in events:
                if problem := faults.stream_error(event):
                    raise BuildFailedError(problem)
                on_line(str(event.get("stream") or event.get("status") or "").rstrip("\n"))

    def import_root(self, archive: Path, tag: str, changes: Sequence[str]) -> None:
        """Make an image of one layer from the tar archive of a root file system.

        Raises:
            EngineError: the engine cannot read it, or has no space for it.
        """
        repository, _, version = tag.rpartition(":")
        with explained_errors(), self._long_timeout() as api, archive.open("rb") as file:
            answer = api.import_image_from_data(file, repository, version, changes=list(changes))
        for line in answer.splitlines():
            if problem := faults.stream_error(json.loads(line)):
                raise EngineError(f"The engine cannot import {archive}: {problem}")

    def save(self, reference: str, path: Path) -> None:
        """Write an image, with its tag, to an archive."""
        with explained_errors(), self._long_timeout() as api, path.open("wb") as file:
            for chunk in api.get_image(reference):
                file.write(chunk)

    def load(self, path: Path) -> None:
        """Read the images of an archive into the engine."""
        with explained_errors(), self._long_timeout() as api, path.open("rb") as file:
            for event in api.load_image(file):
                if problem := faults.stream_error(event):
                    raise EngineError(f"The engine cannot read {path}: {problem}")
