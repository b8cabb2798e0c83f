"""A second engine, of the tests' own, that can be stopped, killed and started again.

It holds the image ``tf`` of the first. Nothing of it is left: no process, no mount, no file.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from keras_matrix.engine.spec import LABEL

SIZE = "size=2g"
PATIENCE = 60.0
POLL = 0.05


class OwnEngine:
    """An engine with a socket, a data root and processes of its own."""

    def __init__(self, folder: Path, data_root: Path | None = None) -> None:
        self.folder = folder
        self.socket = folder / "socket"
        self._data_root = data_root or folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self.client: docker.DockerClient

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client come here."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def keep_in_memory(self) -> None:
        """Keep all that it stores in memory: on a disk its removal takes as long as the tests."""
        self._data_root.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", SIZE, "own-engine", str(self._data_root)], check=True
        )

    def start(self) -> None:
        """Start it; it answers when this returns."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # Or "none" would take the bridge away from the host's own engine.
                    *("unshare", "--net"),
                    *("dockerd", "--host", f"unix://{self.socket}", "--bridge", "none"),
                    *("--data-root", str(self._data_root), "--exec-root", str(self.folder / "x")),
                    *("--pidfile", str(self.folder / "pid"), "--iptables=false"),
                    *("--ip-forward=false", "--ip-masq=false", "--shutdown-timeout", "2"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "log").read_text(encoding="utf-8")[-2000:]
                pytest.fail(f"no engine of our own: {said}")
            time.sleep(POLL)
        self.client = docker.DockerClient(base_url=f"unix://{self.socket}")

    def _listens(self) -> bool:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """Stop it as its service manager does, and its containers with it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it; what runs its containers is left, as after a crash."""
        self._end(signal.SIGKILL)
        # That ended, too; the next one takes it for running until somebody asks how it ended.
        (self.folder / "x" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def _end(self, number: int) -> None:
        assert self._process is not None
        self.client.close()
        self._process.send_signal(number)
        self._process.wait(timeout=PATIENCE)
        self._process = None
        # Its containerd ends with it, but not at once; the next one must not find it.
        deadline = time.monotonic() + PATIENCE
        while self._processes("containerd.toml") and time.monotonic() < deadline:
            time.sleep(POLL)

    def take(self, source: docker.DockerClient, tag: str) -> None:
        """Copy an image of another engine."""
        archive: Any = source.images.get(tag).save(named=tag)
        self.client.images.load(archive)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Leave no room in its storage."""
        path = self._data_root / "takes-all-there-is"
        with path.open("wb") as file:
            for size in (2**24, 2**16, 2**12):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
        try:
            yield
        finally:
            path.unlink()

    def empty(self) -> None:
        """Remove all its containers."""
        filters: Any = {"label": LABEL}
        for container in self.client.containers.list(all=True, filters=filters):
            container.remove(force=True)

    def end(self) -> None:
        """Leave nothing of it."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for mount in reversed(self._mounts()):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(self.folder)

    def _processes(self, name: str = "") -> list[int]:
        """Return the processes with the engine's folder, and the name, in their command line."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = path.read_text(errors="replace")
                if str(self.folder) in command and name in command:
                    found.append(int(path.parent.name))
        return found

    def _mounts(self) -> list[str]:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
        mounts = [line.split()[1] for line in lines]
        return [mount for mount in mounts if mount.startswith(f"{self.folder}/")]


@contextlib.contextmanager
def running(data_root: Path | None = None) -> Iterator[OwnEngine]:
    """Lend an engine that runs, with nothing in it."""
    # A socket's path is short.
    engine = OwnEngine(Path(tempfile.mkdtemp(prefix="engine-")), data_root)
    try:
        if data_root is None:
            engine.keep_in_memory()
        engine.start()
        yield engine
    finally:
        engine.end()


@pytest.fixture(scope="session")
def own_engine(client: docker.DockerClient, undisturbed: dict[str, Any]) -> Iterator[OwnEngine]:
    """Lend an engine that holds the image tf."""
    ((tag,),) = {
        tuple(client.images.get(cell["image"]["id"]).tags) for cell in undisturbed.values()
    }
    with running() as engine:
        engine.take(client, tag)
        yield engine
