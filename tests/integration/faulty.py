"""The command ``keras-matrix`` with one fault injected, at a moment that a test names.

    python faulty.py --at keras_matrix.engine.client:Engine.create --before kill -- run SCRIPT ...

The named function is the real one, except in one call: before or after it, the process receives a
signal, an error is raised as the system would raise it, or the process waits; ``command`` runs the
command in the environment variable FAULTY_COMMAND. With ``--within``, only calls made by that
function count.
"""

import argparse
import errno
import importlib
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

WAIT_SECONDS = 600.0


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _signal(number: signal.Signals, times: int) -> Callable[[], None]:
    def send() -> None:
        for _ in range(times):
            os.kill(os.getpid(), number)
            time.sleep(0.05)

    return send


def _error(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


def _command() -> None:
    subprocess.run(shlex.split(os.environ["FAULTY_COMMAND"]), check=True)


CLOCK_OFFSET = timedelta(days=365)


class _EarlierDatetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_EarlierDatetime":
        return super().now(tz) - CLOCK_OFFSET


def _set_clock_back() -> None:
    real = time.time
    time.time = lambda: real() - CLOCK_OFFSET.total_seconds()
    for name, module in list(sys.modules.items()):
        if name.startswith("keras_matrix.") and getattr(module, "datetime", None) is datetime:
            module.datetime = _EarlierDatetime  # type: ignore[attr-defined]


FAULTS: dict[str, Callable[[], None]] = {
    "kill": _kill,
    "interrupt": _signal(signal.SIGINT, 1),
    "interrupt-twice": _signal(signal.SIGINT, 2),
    "terminate": _signal(signal.SIGTERM, 1),
    "terminate-twice": _signal(signal.SIGTERM, 2),
    "hang-up": _signal(signal.SIGHUP, 1),
    "disk-full": _error(errno.ENOSPC),
    "input-output": _error(errno.EIO),
    "command": _command,
    "set-clock-back": _set_clock_back,
    "wait": lambda: time.sleep(WAIT_SECONDS),
}


def inject(
    at: str, call: int, before: str | None, after: str | None, within: str | None = None
) -> None:
    """Replace the function ``module:attribute.attribute`` by one that fails in one call."""
    lock = threading.Lock()
    in_caller = threading.local()
    calls = 0

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def faulty(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            with lock:
                counts = within is None or getattr(in_caller, "now", False)
                calls += counts
                hit = counts and calls == call
            if hit and before:
                FAULTS[before]()
            result = real(*args, **kwargs)
            if hit and after:
                FAULTS[after]()
            return result

        return faulty

    def marking(real: Callable[..., Any]) -> Callable[..., Any]:
        def marked(*args: Any, **kwargs: Any) -> Any:
            in_caller.now = True
            try:
                return real(*args, **kwargs)
            finally:
                in_caller.now = False

        return marked

    _replace(at, failing)
    if within is not None:
        _replace(within, marking)


def _replace(at: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    module, _, path = at.partition(":")
    *owners, name = path.split(".")
    owner: Any = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    real = getattr(owner, name)
    static = isinstance(vars(owner).get(name), staticmethod)
    setattr(owner, name, staticmethod(change(real)) if static else change(real))


def main(arguments: Sequence[str] | None = None) -> None:
    """Inject the fault, then run ``keras-matrix``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", required=True)
    parser.add_argument("--call", type=int, default=1)
    parser.add_argument("--before", choices=FAULTS)
    parser.add_argument("--after", choices=FAULTS)
    parser.add_argument("--within")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    inject(options.at, options.call, options.before, options.after, options.within)
    from keras_matrix.cli import main as keras_matrix

    sys.argv = ["keras-matrix", *options.command]
    keras_matrix()


if __name__ == "__main__":
    main()
