"""Ctrl-C and the like outside of a run, where nothing has to be removed first: the end, at once."""

import signal
from types import FrameType

from keras_matrix.errors import InterruptedRunError
from keras_matrix.interrupts import STOPS


class Stopped(BaseException):
    """A request to stop; no handler of errors is to take it for one of these."""

    def __init__(self, error: InterruptedRunError) -> None:
        super().__init__(str(error))
        self.error = error


def install() -> None:
    """Let the first such signal raise, and no other one after it."""
    heard = [n for n in STOPS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        for one in heard:
            signal.signal(one, signal.SIG_IGN)
        name, kind = STOPS[signal.Signals(number)]
        raise Stopped(kind(f"Stopped by {name}; nothing is left running."))

    for one in heard:
        signal.signal(one, stop)
