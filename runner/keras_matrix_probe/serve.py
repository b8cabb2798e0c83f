"""Replicates from one process: it imports Keras once, then forks for each that is asked for.

Requests come on standard input, a JSON object a line:
``{"folder": NAME, "seed": N or null, "repeat": N}``.
A replicate is a process of its own, forked before any graph or session exists. When it has
ended, all that it left running is killed, scratch space is emptied, and its exit code is written
to ``ended`` in its folder. If a signal ended it, this process ends the same way, and the
container with it. It also ends with its input: when the runner is gone.
"""

import atexit
import ctypes
import json
import os
import shutil
import signal
import sys
import threading
from typing import Any, Callable, Dict, Iterator, Optional

from .pump import Pump
from .script import flush

ENDED_FILE = "ended"
LOG_FILE = "log"
PR_SET_DUMPABLE = 4
SHARED_MEMORY = "/dev/shm"  # noqa: S108 # emptied, not trusted
POLL = 0.02


class Server:
    """Forks replicates; ``output`` holds a folder each, ``scratch`` is emptied before each."""

    def __init__(self, output: str, scratch: str, keep: str = "") -> None:
        self._output = output
        self._scratch = scratch
        self._keep = keep

    def replicates(self, ended: Callable[[str, int], None]) -> Iterator[Dict[str, Any]]:
        """Yield each request, in the process that is to run it; in the parent never.

        ``ended`` is told the folder and the exit code of each.
        """
        protect(True)
        for line in sys.stdin.buffer:
            request: Dict[str, Any] = json.loads(line.decode())
            folder = os.path.join(self._output, request["folder"])
            self._clean()
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                os.close(reader)
                become(writer)
                request["folder"] = folder
                yield request
                return
            os.close(writer)
            with Pump(reader, os.path.join(folder, LOG_FILE)) as pump:
                status = wait(pid, pump)
                end_the_others()
                pump.rest()
            if os.WIFSIGNALED(status):
                os._exit(128 + os.WTERMSIG(status))
            code = os.WEXITSTATUS(status)
            ended(folder, code)
            path = os.path.join(folder, ENDED_FILE)
            with open(path + ".part", "w", encoding="ascii") as file:
                json.dump({"exit_code": code}, file)
            os.rename(path + ".part", path)
        os._exit(0)

    def _clean(self) -> None:
        """Empty what a replicate can write to, but for its output and the compiled code."""
        if os.getpid() != 1:
            # Not in a container: whatever is there is somebody else's.
            return
        for parent in filter(os.path.isdir, (self._scratch, SHARED_MEMORY)):
            for entry in os.scandir(parent):
                if entry.path == self._keep:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    remove(entry.path)
                else:
                    os.unlink(entry.path)


def remove(folder: str) -> None:
    """Remove a folder, whatever permissions a replicate left in it."""

    def open_up(function: Any, path: str, error: Any) -> None:
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700)
        function(path)

    shutil.rmtree(folder, onerror=open_up)


def become(output: int) -> None:
    """Turn a forked process into a replicate: nothing to read, its output to ``output``."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        if descriptor > 2:
            os.close(descriptor)
    sys.stdin = open(0, closefd=False)
    protect(False)


def leave(code: int) -> None:
    """End a replicate as an interpreter ends: threads joined, exit handlers run, output flushed.

    But what is still alive is not taken apart piece by piece before: most of its memory is shared
    with the parent, and to touch all of it takes as long as a small script.
    """
    interpreter: Any = (threading, atexit)
    interpreter[0]._shutdown()
    interpreter[1]._run_exitfuncs()
    flush()
    os._exit(code & 0xFF)


def protect(on: bool) -> None:
    """Keep other processes of this user from looking into this one (prctl(2), ptrace(2))."""
    prctl: Optional[Any] = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_DUMPABLE, 0 if on else 1, 0, 0, 0)


def wait(pid: int, pump: Pump) -> int:
    """Wait for a replicate, its output passed on; return its status.

    The first process of a container is also the parent of all whose own has ended: they are
    waited for, too, or they would count as processes for ever.
    """
    anyone = -1 if os.getpid() == 1 else pid
    while True:
        pump.some(POLL)
        ended, status = os.waitpid(anyone, os.WNOHANG)
        while ended and ended != pid:
            ended, status = os.waitpid(anyone, os.WNOHANG)
        if ended:
            return status


def end_the_others() -> None:
    """Kill whatever a replicate left running: in a container, all but this process."""
    if os.getpid() != 1:
        return
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return
