"""Engines of the tests' own, beside the one that everything else runs on. Root on Linux only.

Each has namespaces of its own for mounts and network: what it mounts and which bridges it makes or
removes is nobody else's business, and /etc/subuid of the host stays as it is.
"""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker

from keras_matrix.errors import ExitCode

WAIT = 60.0
MAPPED = 400_000
"""The host's number of root in a container, where users are mapped."""
USER = "daemon"
"""Any user that Debian always has: whose name the mapping is looked up by."""

BOTH = "/sys/fs/cgroup/unified"


@dataclass(frozen=True)
class OwnEngine:
    """An engine that runs; ``host`` is what DOCKER_HOST names it by."""

    host: str
    folder: Path

    def containers(self) -> list[str]:
        """Return the names of all containers, ended ones too."""
        with contextlib.closing(docker.DockerClient(self.host)) as own:
            return [str(one.name) for one in own.containers.list(all=True)]


@contextlib.contextmanager
def engine(*options: str) -> Iterator[OwnEngine]:
    """Start an engine with these options of dockerd's; nothing of it is left."""
    # The tests' own folder is closed to mapped users, and too long for the path of a socket.
    folder = Path(tempfile.mkdtemp(prefix="keras-matrix-engine-"))
    folder.chmod(0o711)
    host = f"unix://{folder}/sock"
    (folder / "subid").write_text(f"{USER}:{MAPPED}:65536\n")
    command = [
        *("dockerd", "--data-root", folder / "data", "--exec-root", folder / "exec"),
        *("--pidfile", folder / "pid", "--host", host, "--bridge", "none"),
        *("--iptables=false", "--ip-forward=false", "--ip-masq=false", *options),
    ]
    script = (
        f"mount --bind {folder}/subid /etc/subuid && mount --bind {folder}/subid /etc/subgid && "
        # crun refuses a host with both versions of control groups.
        f"{{ [ ! -d {BOTH} ] || mount -t tmpfs none {BOTH}; }} && "
        f"exec {shlex.join(map(str, command))}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(host, process, folder / "log")
        yield OwnEngine(host, folder)
    finally:
        process.terminate()
        process.wait(timeout=WAIT)
        shutil.rmtree(folder)


def wait_for(host: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until an engine answers; fail if it ends, or takes too long."""
    deadline = time.monotonic() + WAIT
    while process.poll() is None and time.monotonic() < deadline:
        doctor = subprocess.run(
            [sys.executable, "-m", "keras_matrix", "doctor"],
            env={**os.environ, "DOCKER_HOST": host},
            capture_output=True,
            check=False,
        )
        if doctor.returncode != ExitCode.NO_ENGINE:
            return
        time.sleep(0.2)
    raise AssertionError(f"the engine does not start: {log.read_text()[-1000:]}")
