"""A connection to the container engine. The one module that imports ``docker``.

Every answer is a plain value, every failure an ``EngineError``.
"""

import contextlib
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import docker
import docker.errors
import docker.utils
from docker.context import ContextAPI

from keras_matrix.engine import faults, security
from keras_matrix.engine.answers import ContainerInfo, ContainerState, EngineFacts, ImageInfo, Input
from keras_matrix.engine.confinement import host_config
from keras_matrix.engine.patience import Patience
from keras_matrix.engine.spec import ContainerSpec
from keras_matrix.errors import BuildFailedError, EngineError, ImageNotFoundError, RegistryError

LONG_CALL_SECONDS = 3600
"""Seconds that a build or a pull may be silent; ``Patience`` bounds every other call."""
ABANDONED_CALL_SECONDS = 10
"""Seconds after the longest wait at which the SDK ends a call that was abandoned."""


@contextlib.contextmanager
def _explained_errors() -> Iterator[None]:
    """Turn an error of the SDK into an error of one sentence."""
    with faults.explained_transport_errors():
        try:
            yield
        except docker.errors.ImageNotFound as error:
            raise ImageNotFoundError(f"No such image ({faults.reason(error)}).") from error
        except docker.errors.APIError as error:
            raise faults.refusal(error) from error
        except docker.errors.DockerException as error:
            raise faults.silence(error) from error


class Engine:
    """A connection to the container engine; ``patience`` bounds how long each answer is waited for.

    Methods that take ``seconds`` wait no longer than that for an answer.
    """

    _bounded = faults.bounded(lambda engine: engine._patience, _explained_errors)

    def __init__(self, client: docker.DockerClient, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    @classmethod
    def connect(cls, patience: Patience | None = None, seconds: float | None = None) -> "Engine":
        """Connect by DOCKER_HOST, by docker's current context, or by the default socket.

        ``seconds`` is the longest wait for an answer; the default is that of ``patience``.

        Raises:
            EngineError: no engine answers.
        """
        patience = patience or Patience()
        timeout = math.ceil(patience.wait) + ABANDONED_CALL_SECONDS
        return cls(patience.call(lambda: cls._dial(timeout), seconds), patience)

    @staticmethod
    def _dial(timeout: int) -> docker.DockerClient:
        with _explained_errors():
            # The order of docker's own command: DOCKER_HOST, then the context.
            if os.environ.get("DOCKER_HOST"):
                address = docker.utils.kwargs_from_env()
            else:
                address = ContextAPI.kwargs_from_context()
            client = docker.DockerClient(timeout=timeout, version="auto", **address)
            try:
                client.ping()
            except BaseException:
                client.close()
                raise
        return client

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @_bounded
    def ping(self, *, seconds: float | None = None) -> None:
        """Check that the engine answers."""
        self._client.ping()

    @_bounded
    def facts(self) -> EngineFacts:
        """Request what the engine is and what it can do."""
        info = self._client.info()
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
            runtimes=tuple(sorted(info.get("Runtimes") or ())),
            default_runtime=str(info.get("DefaultRuntime", "")),
        )

    # Images

    @_bounded
    def image(self, reference: str) -> ImageInfo | None:
        """Return an image that the engine stores; None if it has no such image."""
        try:
            with _explained_errors():
                image = self._client.api.inspect_image(reference)
        except ImageNotFoundError:
            return None
        config = image.get("Config") or {}
        return ImageInfo(
            id=image["Id"], size=int(image["Size"]), labels=dict(config.get("Labels") or {})
        )

    @_bounded
    def remove_image(self, reference: str) -> None:
        """Remove an image's tag, if it exists, and what no other tag refers to."""
        with contextlib.suppress(ImageNotFoundError), _explained_errors():
            self._client.api.remove_image(reference)

    def pull(self, reference: str, platform: str) -> None:
        """Pull an image.

        Raises:
            ImageNotFoundError: the registry answers that it has no such image.
            RegistryError: the registry cannot be reached, or refuses.
        """
        try:
            with _explained_errors(), self._long_timeout() as api:
                for event in api.pull(reference, stream=True, decode=True, platform=platform):
                    if "error" in event:
                        raise RegistryError(str(event["error"]))
        except ImageNotFoundError:
            raise
        except EngineError as error:
            text = faults.reason(error.__cause__ or error)
            # The registry's own words, which the engine passes on with any status.
            unknown = "manifest unknown" in text
            raise (ImageNotFoundError if unknown else RegistryError)(text) from error

    @_bounded
    def registry_error(self, reference: str) -> str:
        """Query the registry about an image without pulling it; return its error, or ''."""
        try:
            with _explained_errors():
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
        with _explained_errors(), self._long_timeout() as api:
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
                if "error" in event:
                    raise BuildFailedError(str(event["error"]).strip())
                on_line(str(event.get("stream") or event.get("status") or "").rstrip("\n"))

    def import_root(self, archive: Path, tag: str, changes: Sequence[str]) -> None:
        """Make an image of one layer from the tar archive of a root file system."""
        repository, _, version = tag.rpartition(":")
        with _explained_errors(), self._long_timeout() as api, archive.open("rb") as file:
            api.import_image_from_data(file, repository, version, changes=list(changes))

    def save(self, reference: str, path: Path) -> None:
        """Write an image, with its tag, to an archive."""
        with _explained_errors(), self._long_timeout() as api, path.open("wb") as file:
            for chunk in api.get_image(reference):
                file.write(chunk)

    def load(self, path: Path) -> None:
        """Read the images of an archive into the engine."""
        with _explained_errors(), self._long_timeout() as api, path.open("rb") as file:
            for event in api.load_image(file):
                if "error" in event:
                    raise EngineError(f"The engine cannot read {path}: {event['error']}")

    # Containers

    @_bounded
    def create(self, spec: ContainerSpec) -> str:
        """Create a closed container; return its id.

        Raises:
            EngineError: the engine refuses, or warns that a limit will not be applied.
        """
        created = self._client.api.create_container(
            image=spec.image,
            command=list(spec.command),
            name=spec.name,
            user=spec.user.name,
            environment=dict(spec.environment),
            labels=dict(spec.labels),
            host_config=host_config(spec),
            network_disabled=True,
            # A cell must not receive the user's own proxy, with its password.
            use_config_proxy=False,
            # Closed for good once the process that attached to it is gone.
            stdin_open=True,
        )
        return str(created["Id"])

    @_bounded
    def attach(self, container: str) -> Input:
        """Open a container's standard input, before it starts: else its first input is lost."""
        return Input(self._client.api.attach_socket(container, params={"stdin": 1, "stream": 1}))

    @_bounded
    def applied_limits(self, container: str) -> dict[str, float]:
        """Read back the limits that the engine reports for a container; 0 is no limit.

        ``memory`` is in bytes; ``cpuset`` is how many CPUs the container is pinned to.
        """
        config = self._client.api.inspect_container(container)["HostConfig"]
        return {
            "memory": float(config.get("Memory") or 0),
            "cpus": float(config.get("NanoCpus") or 0) / 1e9,
            "pids": float(config.get("PidsLimit") or 0),
            "cpuset": float(len((config.get("CpusetCpus") or "").replace(",", " ").split())),
        }

    @_bounded
    def start(self, container: str) -> None:
        """Start a container."""
        self._client.api.start(container)

    @_bounded
    def state(self, container: str, *, seconds: float | None = None) -> ContainerState | None:
        """Return a container's state; None if the container is gone."""
        try:
            with _explained_errors():
                state = self._client.api.inspect_container(container)["State"]
        except EngineError as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                return None
            raise
        return ContainerState(
            running=bool(state["Running"]) or state["Status"] in ("created", "restarting"),
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state["OOMKilled"]),
            error=str(state["Error"]),
        )

    @_bounded
    def kill(self, container: str, *, seconds: float | None = None) -> None:
        """Kill a container, unless it has ended or is gone."""
        try:
            with _explained_errors():
                self._client.api.kill(container)
        except EngineError as error:
            cause = error.__cause__
            if not (isinstance(cause, docker.errors.APIError) and cause.status_code in (404, 409)):
                raise

    @_bounded
    def logs(self, container: str, limit: int) -> bytes:
        """Return at most ``limit`` bytes from the beginning of a container's output."""
        parts: list[bytes] = []
        size = 0
        for part in self._client.api.logs(
            container, stream=True, follow=False, stdout=True, stderr=True
        ):
            parts.append(part[: limit - size])
            size += len(parts[-1])
            if size >= limit:
                break
        return b"".join(parts)

    @_bounded
    def remove(self, container: str) -> bool:
        """Remove a container, running or not; tell whether this call removed it."""
        try:
            with _explained_errors():
                self._client.api.remove_container(container, force=True, v=True)
        except EngineError as error:
            cause = error.__cause__
            if isinstance(cause, docker.errors.NotFound):
                return False
            # Another process is removing it already.
            if isinstance(cause, docker.errors.APIError) and cause.status_code == 409:
                return False
            raise
        return True

    @_bounded
    def containers(self, label: str) -> tuple[ContainerInfo, ...]:
        """List all containers with a label, those that have ended too."""
        containers = self._client.api.containers(all=True, filters={"label": label})
        return tuple(
            ContainerInfo(id=item["Id"], name=item["Names"][0].lstrip("/"), labels=item["Labels"])
            for item in containers
        )

    @contextlib.contextmanager
    def _long_timeout(self) -> Iterator[Any]:
        """Yield the API with a long time-out: builds and pulls are silent for minutes."""
        api = self._client.api
        usual_timeout = api.timeout
        api.timeout = LONG_CALL_SECONDS
        try:
            yield api
        finally:
            api.timeout = usual_timeout
