"""The whole of what is requested of an engine: images, and the containers of cells."""

from keras_matrix.engine import faults
from keras_matrix.engine.answers import ContainerInfo, ContainerState, Input
from keras_matrix.engine.confinement import host_config
from keras_matrix.engine.connection import Connection, explained_errors
from keras_matrix.engine.spec import ContainerSpec
from keras_matrix.engine.store import ImageStore
from keras_matrix.errors import EngineError

NOT_FOUND, CONFLICT = 404, 409
"""Statuses of the Engine API: no such container; not in its present state."""


class Engine(ImageStore):
    """A connection to the container engine."""

    @Connection._bounded
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

    @Connection._bounded
    def attach(self, container: str) -> Input:
        """Open a container's standard input, before it starts: else its first input is lost."""
        return Input(self._client.api.attach_socket(container, params={"stdin": 1, "stream": 1}))

    @Connection._bounded
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

    @Connection._bounded
    def start(self, container: str) -> None:
        """Start a container."""
        self._client.api.start(container)

    @Connection._bounded
    def state(self, container: str, *, seconds: float | None = None) -> ContainerState | None:
        """Return a container's state; None if the container is gone."""
        try:
            with explained_errors():
                state = self._client.api.inspect_container(container)["State"]
        except EngineError as error:
            if faults.status(error) == NOT_FOUND:
                return None
            raise
        return ContainerState(
            running=bool(state["Running"]) or state["Status"] in ("created", "restarting"),
            exit_code=int(state["ExitCode"]),
            out_of_memory=bool(state["OOMKilled"]),
            error=str(state["Error"]),
        )

    @Connection._bounded
    def kill(self, container: str, *, seconds: float | None = None) -> None:
        """Kill a container, unless it has ended or is gone."""
        self._kill(container)

    def _kill(self, container: str) -> None:
        try:
            with explained_errors():
                self._client.api.kill(container)
        except EngineError as error:
            if faults.status(error) not in (NOT_FOUND, CONFLICT):
                raise

    @Connection._bounded
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

    @Connection._bounded
    def remove(self, container: str) -> bool:
        """Remove a container, running or not; tell whether this call removed it.

        It is killed first: Podman would ask it to end, and wait 10 s for that.
        """
        try:
            with explained_errors():
                self._kill(container)
                self._client.api.remove_container(container, force=True, v=True)
        except EngineError as error:
            # At a conflict, another process is removing it already.
            if faults.status(error) in (NOT_FOUND, CONFLICT):
                return False
            raise
        return True

    @Connection._bounded
    def containers(self, label: str) -> tuple[ContainerInfo, ...]:
        """List all containers with a label, those that have ended too."""
        containers = self._client.api.containers(all=True, filters={"label": label})
        return tuple(
            ContainerInfo(id=item["Id"], name=item["Names"][0].lstrip("/"), labels=item["Labels"])
            for item in containers
        )
