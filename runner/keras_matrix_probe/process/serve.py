"""Replicates from one process: it imports Keras once, then forks for each that is asked for.

Requests come on standard input, a JSON object a line:
``{"folder": NAME, "seed": N or null, "repeat": N}``. The line after it is a word that the report
on this replicate has to hold: it is read once the replicate has ended, so that no script knows it.
A replicate is a process of its own, forked before any graph or session exists. When it has
ended, all that it left running is killed, what it left in memory is emptied, and the report is
written to ``ended`` in its folder: its exit code, and the facts that were taken before any script
ran. If a signal ended it, this process ends the same way, and the container with it. It also ends
with its input, at once and whatever still runs: the runner is gone.
"""

import atexit
import json
import os
import select
import signal
import sys
import threading
from typing import Any, Callable, Dict, Iterator, Optional

from ..contract import ENDED_FILE, CellRequest, EndReport
from ..script import flush
from . import kernel
from .leftovers import Leftovers
from .pump import Pump

POLL = 0.02


class Server:
    """Forks replicates; ``output`` holds a folder each, ``scratch`` is emptied before each."""

    def __init__(
        self, output: str, scratch: str, keep: str = "", facts: Optional[Dict[str, Any]] = None
    ) -> None:
        self._output = output
        self._leftovers = Leftovers(scratch, keep)
        self._facts = facts

    def replicates(self, ended: Callable[[str, int], None]) -> Iterator[CellRequest]:
        """Yield each request, in the process that is to run it; in the parent never.

        ``ended`` is told the folder and the exit code of each.
        """
        kernel.protect(True)
        # The one signal that the first process of a container would take from the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        attributes = kernel.attributes()
        while True:
            line = read_line()
            if not line:
                os._exit(0)
            request = CellRequest(**json.loads(line.decode()))
            folder = os.path.join(self._output, request.folder)
            self._leftovers.remove()
            reader, writer = os.pipe()
            # Its files are opened before the script could put something in their place.
            with Pump(reader, folder) as pump:
                pid = os.fork()
                if pid == 0:
                    pump.let_go()
                    become(writer)
                    yield request._replace(folder=folder)
                    return
                os.close(writer)
                status = wait(pid, pump)
                end_the_others()
                pump.rest()
            word = read_line().decode().strip()
            if os.WIFSIGNALED(status):
                os._exit(128 + os.WTERMSIG(status))
            code = os.WEXITSTATUS(status)
            os.chmod(folder, 0o700)
            ended(folder, code)
            now = kernel.attributes()
            changed = sorted(name for name in attributes if now.get(name) != attributes[name])
            report(os.path.join(folder, ENDED_FILE), EndReport(code, word, self._facts, changed))


def read_line() -> bytes:
    """Read a line of standard input and nothing after it; empty at its end.

    What is not read yet, a process that is forked does not have.
    """
    parts = []
    while True:
        part = os.read(0, 1)
        parts.append(part)
        if part in (b"", b"\n"):
            return b"".join(parts) if part else b""


def report(path: str, ended: EndReport) -> None:
    """Write a report, whole or not at all, whatever a replicate has put in its place."""
    part = path + ".part"
    for name in filter(os.path.lexists, (path, part)):
        if os.path.isdir(name) and not os.path.islink(name):
            # A folder that cannot be replaced; it is thrown away with all else.
            os.rename(name, name + ".moved")
        else:
            os.unlink(name)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(ended._asdict(), file)
    os.rename(part, path)


def become(output: int) -> None:
    """Turn a forked process into a replicate: nothing to read, its output to ``output``."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (nothing, output):
        if descriptor > 2:
            os.close(descriptor)
    sys.stdin = open(0, closefd=False)
    kernel.protect(False)


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


def wait(pid: int, pump: Pump) -> int:
    """Wait for a replicate, its output passed on; return its status.

    The first process of a container is also the parent of all whose own has ended: they are
    waited for, too, or they would count as processes for ever.
    """
    anyone = -1 if os.getpid() == 1 else pid
    runner = select.poll()
    # Nothing but the end of it is waited for: a request comes after the one before has ended.
    runner.register(0, 0)
    while True:
        pump.some(POLL)
        if runner.poll(0):
            abandon(pid)
        ended, status = os.waitpid(anyone, os.WNOHANG)
        while ended and ended != pid:
            ended, status = os.waitpid(anyone, os.WNOHANG)
        if ended:
            return status


def abandon(pid: int) -> None:
    """End at once, and a replicate with it: nobody is left to want what it computes."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os._exit(0)


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
