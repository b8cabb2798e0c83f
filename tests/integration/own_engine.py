"""A second engine that the tests can stop, kill and start again.

It has the first engine's image ``tf``. It is removed completely: processes, mounts and files.
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

from keras_matrix.engine.spec import CELL_LABEL

STORAGE_OPTIONS = "size=2g"
TIMEOUT_SECONDS = 60.0
POLL_SECONDS = 0.05


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
        """The environment of a command that uses this engine."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def keep_in_memory(self) -> None:
        """Keep its storage in memory: on a disk, removing it takes as long as the tests."""
        self._data_root.mkdir()
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", STORAGE_OPTIONS, "own-engine", str(self._data_root)],
            check=True,
        )

    def start(self) -> None:
        """Start the engine; it answers once this returns."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # In the host's network, "none" would remove the bridge of the host's engine.
                    *("unshare", "--net"),
                    *("dockerd", "--host", f"unix://{self.socket}", "--bridge", "none"),
                    *("--data-root", str(self._data_root), "--exec-root", str(self.folder / "x")),
                    *("--pidfile", str(self.folder / "pid"), "--iptables=false"),
                    *("--ip-forward=false", "--ip-masq=false", "--shutdown-timeout", "2"),
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                log_end = (self.folder / "log").read_text(encoding="utf-8")[-2000:]
                pytest.fail(f"the second engine did not start: {log_end}")
            time.sleep(POLL_SECONDS)
        self.client = docker.DockerClient(base_url=f"unix://{self.socket}")

    def _listens(self) -> bool:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """Stop the engine as a service manager does, and its containers with it."""
        self._stop_with(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the engine; the processes that run its containers are left, as after a crash."""
        self._stop_with(signal.SIGKILL)
        # containerd ended, too, but the next engine would take it for running by this file.
        (self.folder / "x" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def _stop_with(self, number: int) -> None:
        assert self._process is not None
        self.client.close()
        self._process.send_signal(number)
        self._process.wait(timeout=TIMEOUT_SECONDS)
        self._process = None
        # Its containerd ends with it, but not at once; the next engine must not find it.
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while self._processes("containerd.toml") and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def copy_image(self, source: docker.DockerClient, tag: str) -> None:
        """Copy an image from another engine."""
        archive: Any = source.images.get(tag).save(named=tag)
        self.client.images.load(archive)

    @contextlib.contextmanager
    def full_storage(self) -> Iterator[None]:
        """Fill the engine's storage, for as long as the context lasts."""
        path = self._data_root / "fills-the-storage"
        with path.open("wb") as file:
            for size in (2**24, 2**16, 2**12):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, size)
        try:
            yield
        finally:
            path.unlink()

    def remove_containers(self) -> None:
        """Remove all containers of the engine."""
        filters: Any = {"label": CELL_LABEL}
        for container in self.client.containers.list(all=True, filters=filters):
            container.remove(force=True)

    def remove(self) -> None:
        """Remove the engine: its processes, mounts and files."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for mount in reversed(self._mounts()):
            subprocess.run(["umount", "--lazy", mount], check=True)
        shutil.rmtree(self.folder)

    def _processes(self, name: str = "") -> list[int]:
        """Return the processes whose command line contains the engine's folder and the name."""
        pids = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                command = path.read_text(errors="replace")
                if str(self.folder) in command and name in command:
                    pids.append(int(path.parent.name))
        return pids

    def _mounts(self) -> list[str]:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
        mounts = [line.split()[1] for line in lines]
        return [mount for mount in mounts if mount.startswith(f"{self.folder}/")]


@contextlib.contextmanager
def running(data_root: Path | None = None) -> Iterator[OwnEngine]:
    """Yield a running engine without images."""
    # The path of a socket must be short.
    engine = OwnEngine(Path(tempfile.mkdtemp(prefix="engine-")), data_root)
    try:
        if data_root is None:
            engine.keep_in_memory()
        engine.start()
        yield engine
    finally:
        engine.remove()


@pytest.fixture(scope="session")
def own_engine(
    as_root: None, client: docker.DockerClient, undisturbed: dict[str, Any]
) -> Iterator[OwnEngine]:
    """Yield an engine that has the image tf."""
    ((tag,),) = {
        tuple(client.images.get(cell["image"]["id"]).tags) for cell in undisturbed.values()
    }
    with running() as engine:
        engine.copy_image(client, tag)
        yield engine
