"""Ctrl-C, SIGTERM and SIGHUP outside a run: nothing has to be removed, so the process ends."""

import signal
from types import FrameType

from keras_matrix.errors import InterruptedRunError
from keras_matrix.interrupts import STOP_SIGNALS, handled_signals


class Stopped(BaseException):
    """A request to stop; not an ``Exception``, so that no handler of errors catches it."""

    def __init__(self, error: InterruptedRunError) -> None:
        super().__init__(str(error))
        self.error = error


def install() -> None:
    """Let the first of these signals raise :class:`Stopped`, and ignore any further one."""
    signals = handled_signals()

    def stop(number: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        name, kind = STOP_SIGNALS[signal.Signals(number)]
        raise Stopped(kind(f"Stopped by {name}; nothing is left running."))

    for each in signals:
        signal.signal(each, stop)
