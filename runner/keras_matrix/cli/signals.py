"""Ctrl-C and the like outside of a run, where nothing has to be removed first: the end, at once."""

import signal
from types import FrameType

from keras_matrix.errors import InterruptedRunError
from keras_matrix.interrupts import STOPS, heard


class Stopped(BaseException):
    """A request to stop; no handler of errors is to take it for one of these."""

    def __init__(self, error: InterruptedRunError) -> None:
        super().__init__(str(error))
        self.error = error


def install() -> None:
    """Let the first such signal raise, and no other one after it."""
    signals = heard()

    def stop(number: int, frame: FrameType | None) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_IGN)
        name, kind = STOPS[signal.Signals(number)]
        raise Stopped(kind(f"Stopped by {name}; nothing is left running."))

    for one in signals:
        signal.signal(one, stop)
