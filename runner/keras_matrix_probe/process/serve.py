"""Serves replicates from one process, which imports Keras once and forks for each request.

Requests come on standard input, a JSON object a line (``contract.CellRequest``). The next line is a
word that the report on this replicate has to hold: it is read once the replicate has ended, so
that no script can know it. A replicate is a process of its own, forked before any graph or session
exists. When it has ended, every process that it left is killed, everything that it left in memory
is removed, and a report (``contract.EndReport``) is written to ``ended`` in its folder. If a signal
ended the replicate, this process ends the same way, and the container with it; if the kernel sent
the signal for want of memory, the exit status says so, since not every engine does. This process
also ends as soon as its input does, whatever still runs: the host process is gone.
"""

import atexit
import json
import os
import select
import signal
import sys
import threading
from typing import Any, Callable, Dict, Iterator, Optional

from ..contract import ENDED_FILE, OUT_OF_MEMORY_STATUS, CellRequest, EndReport
from ..script import flush
from . import kernel, memory
from .leftovers import Leftovers
from .pump import Pump

POLL_SECONDS = 0.02
"""The longest wait for output before the replicate's end is checked for."""


class Server:
    """Forks replicates; each has a folder in ``output``, and ``scratch`` is emptied before each.

    ``keep`` is a folder in ``scratch`` that stays: that of compiled code. ``facts`` are the fields
    of the environment event, None if Keras could not be imported.
    """

    def __init__(
        self, output: str, scratch: str, keep: str = "", facts: Optional[Dict[str, Any]] = None
    ) -> None:
        self._output = output
        self._leftovers = Leftovers(scratch, keep)
        self._facts = facts

    def replicates(self, ended: Callable[[str, int], None]) -> Iterator[CellRequest]:
        """Yield each request in the process that is to run it, and none in this process.

        ``ended`` is called with the folder and the exit code of each replicate.
        """
        kernel.protect(True)
        # Python handles this signal, so it is the only one that the first process of a container
        # would accept from the others (pid_namespaces(7)).
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
            killed = memory.kills()
            # The log is opened before the script could put something in its place.
            with Pump(reader, folder) as pump:
                pid = os.fork()
                if pid == 0:
                    pump.close()
                    become_replicate(writer)
                    yield request._replace(folder=folder)
                    return
                os.close(writer)
                status = wait(pid, pump)
                kill_all_others()
                pump.copy_rest()
            word = read_line().decode().strip()
            if os.WIFSIGNALED(status):
                number = os.WTERMSIG(status)
                starved = number == signal.SIGKILL and memory.kills() > killed
                os._exit(OUT_OF_MEMORY_STATUS if starved else 128 + number)
            code = os.WEXITSTATUS(status)
            os.chmod(folder, 0o700)
            ended(folder, code)
            now = kernel.attributes()
            changed = sorted(name for name in attributes if now.get(name) != attributes[name])
            write_report(
                os.path.join(folder, ENDED_FILE), EndReport(code, word, self._facts, changed)
            )


def read_line() -> bytes:
    """Read a line of standard input and nothing after it; empty at the end of the input.

    A forked process must not find the next lines in a buffer that it inherits.
    """
    parts = []
    while True:
        part = os.read(0, 1)
        parts.append(part)
        if part in (b"", b"\n"):
            return b"".join(parts) if part else b""


def write_report(path: str, ended: EndReport) -> None:
    """Write a report, completely or not at all, whatever a replicate has put in its place."""
    part = path + ".part"
    for name in filter(os.path.lexists, (path, part)):
        if os.path.isdir(name) and not os.path.islink(name):
            # A folder cannot be replaced by a file; the host removes it with all else.
            os.rename(name, name + ".moved")
        else:
            os.unlink(name)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(descriptor, "w", encoding="ascii") as file:
        json.dump(ended._asdict(), file)
    os.rename(part, path)


def become_replicate(output: int) -> None:
    """Turn a forked process into a replicate, without input and with ``output`` as its output."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    no_input = os.open(os.devnull, os.O_RDONLY)
    os.dup2(no_input, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for descriptor in (no_input, output):
        if descriptor > 2:
            os.close(descriptor)
    sys.stdin = open(0, closefd=False)
    kernel.protect(False)


def leave(code: int) -> None:
    """End a replicate as an interpreter ends: join threads, run exit handlers, flush the output.

    Unlike an interpreter it does not destroy each object: most of its memory is shared with the
    parent, and to touch all of it takes as long as a small script.
    """
    interpreter: Any = (threading, atexit)
    interpreter[0]._shutdown()
    interpreter[1]._run_exitfuncs()
    flush()
    os._exit(code & 0xFF)


def wait(pid: int, pump: Pump) -> int:
    """Wait for a replicate, copy its output meanwhile, and return its status.

    The first process of a container is also the parent of all processes whose own parent has ended:
    it waits for them, too, or they would count as processes for ever.
    """
    waited_for = -1 if os.getpid() == 1 else pid
    host_process = select.poll()
    # Only the end of the input is an event: the next request comes once this replicate has ended.
    host_process.register(0, 0)
    while True:
        pump.copy_within(POLL_SECONDS)
        if host_process.poll(0):
            abandon(pid)
        ended, status = os.waitpid(waited_for, os.WNOHANG)
        while ended and ended != pid:
            ended, status = os.waitpid(waited_for, os.WNOHANG)
        if ended:
            return status


def abandon(pid: int) -> None:
    """End at once, and a replicate with it: the host process that wants its results is gone."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os._exit(0)


def kill_all_others() -> None:
    """Kill every process that a replicate left: in a container, all but this process."""
    if os.getpid() != 1:
        return
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return
