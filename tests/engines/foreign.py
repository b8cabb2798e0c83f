"""Docker and Podman of today, from Debian's packages, beside the engine that the machine has.

They run in a root of Debian sid, with namespaces of their own for mounts and network: the machine's
own engine, its bridge and its images stay as they are. Root on Linux only; 20 s and 0.7 GB.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import ROOT
from tests.engines.own import BOTH, WAIT, OwnEngine, wait_for

SUITE = "sid"
PACKAGES = (
    *("docker.io", "containerd", "runc", "iptables", "iproute2", "ca-certificates"),
    *("podman", "crun", "netavark", "conmon", "catatonit", "fuse-overlayfs"),
)
MAX_FILES = 4096
MAX_PROCESSES = 8192


@dataclass(frozen=True)
class Kind:
    """How to start an engine; ``command`` is completed with the folder of its data and socket."""

    name: str
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    settings: str = "{}"


DOCKER = Kind(
    "docker",
    (
        *("dockerd", "--config-file", "{run}/daemon.json", "--data-root", "{run}/data"),
        *("--exec-root", "{run}/exec", "--pidfile", "{run}/pid", "--host", "unix://{run}/sock"),
        *("--bridge", "none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"),
    ),
    # What Docker 29 does without being told: containerd keeps the images, old clients are refused.
    environment=(("DOCKER_MIN_API_VERSION", "1.44"),),
    settings=json.dumps({"features": {"containerd-snapshotter": True}}),
)
PODMAN = Kind(
    "podman",
    (
        *("podman", "--root", "{run}/data", "--runroot", "{run}/exec"),
        *("--cgroup-manager", "cgroupfs", "system", "service", "--time", "0", "unix://{run}/sock"),
    ),
)


@contextlib.contextmanager
def debian_root() -> Iterator[Path]:
    """Make a root file system with both engines; nothing of it is left."""
    # Open to the users that cells run as.
    folder = Path(tempfile.mkdtemp(prefix="keras-matrix-engines-"))
    folder.chmod(0o711)
    root = folder / "root"
    try:
        subprocess.run(
            [
                *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}"),
                # A mirror may be a snapshot of some age.
                '--aptopt=Acquire::Check-Valid-Until "false"',
                *('--aptopt=APT::Install-Recommends "false"', SUITE, str(root)),
            ],
            check=True,
        )
        (root / "etc/containers/containers.conf.d").mkdir(parents=True, exist_ok=True)
        (root / "etc/containers/policy.json").write_text(
            json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
        )
        # Podman would raise these limits for a build, which needs a right that may be missing.
        (root / "etc/containers/containers.conf.d/limits.conf").write_text(
            "[containers]\n"
            f'default_ulimits = ["nofile={MAX_FILES}:{MAX_FILES}", '
            f'"nproc={MAX_PROCESSES}:{MAX_PROCESSES}"]\n'
        )
        yield root
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(root: Path, kind: Kind) -> Iterator[OwnEngine]:
    """Start an engine in the root; its processes, mounts and data are gone afterwards."""
    run = root.parent / kind.name
    run.mkdir(mode=0o711)
    (run / "daemon.json").write_text(kind.settings)
    seen = {"/proc", "/sys", "/dev", *map(_top, (ROOT, Path(tempfile.gettempdir())))}
    binds = " && ".join(
        f"mkdir -p {root}{folder} && mount --rbind {folder} {root}{folder}"
        for folder in sorted(seen)
    )
    command = " ".join(part.format(run=run) for part in kind.command)
    script = (
        # crun takes a machine with both versions of control groups for one of version 2.
        f"ip link set lo up; mount --bind {root} {root} && {binds} && "
        f"mount -t tmpfs none {root}/run && "
        f"{{ [ ! -d {root}{BOTH} ] || mount -t tmpfs none {root}{BOTH}; }} && "
        f"exec chroot {root} {command}"
    )
    with (run / "log").open("wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **dict(kind.environment)},
            start_new_session=True,
        )
    host = f"unix://{run}/sock"
    try:
        wait_for(host, process, run / "log")
        yield OwnEngine(host, run)
    finally:
        process.terminate()
        process.wait(timeout=WAIT)
        _end_all_in(run)
        shutil.rmtree(run)


def _top(path: Path) -> str:
    return f"/{path.resolve().parts[1]}"


def _end_all_in(run: Path) -> None:
    """Kill what the engine left running, such as its containerd: their commands name its folder."""
    deadline = time.monotonic() + WAIT
    while (left := _processes(run)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _processes(run: Path) -> list[int]:
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"{run}/" in path.read_text(errors="replace"):
                pids.append(int(path.parent.name))
    return pids
