"""Ctrl-C, SIGTERM, SIGHUP: a request to stop, noted at once, obeyed where nothing is left behind.

A handler that raised could do so between a container's creation and the line that remembers
it. So the handlers only set a flag; waiting code polls it, cleaning code ignores it. A second
Ctrl-C changes nothing but says what is going on.
"""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from keras_matrix.errors import EngineError, HungUpRunError, InterruptedRunError, TerminatedRunError

POLL = 0.1
STOPS: dict[signal.Signals, tuple[str, type[InterruptedRunError]]] = {
    signal.SIGINT: ("Ctrl-C", InterruptedRunError),
    signal.SIGTERM: ("SIGTERM", TerminatedRunError),
    signal.SIGHUP: ("SIGHUP", HungUpRunError),
}

Result = TypeVar("Result")


class Interrupts:
    """The request to stop, if there was one."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._event = threading.Event()
        self._left = False
        self.asked: float | None = None

    @property
    def requested(self) -> bool:
        """Tell whether a stop was requested."""
        return self._event.is_set()

    def request(self, number: int) -> None:
        """Ask to stop, as the signal of that number does; ``asked`` is when that was first done."""
        if self._signal is None:
            self._signal = number
            self.asked = time.monotonic()
        self._event.set()

    def leave(self) -> None:
        """Note that something could not be removed."""
        self._left = True

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until a stop is requested; tell whether it was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise if a stop was requested.

        Raises:
            InterruptedRunError: by Ctrl-C.
            TerminatedRunError: by SIGTERM.
            HungUpRunError: by SIGHUP.
        """
        if self._signal is None:
            return
        name, error = STOPS[signal.Signals(self._signal)]
        if self._left:
            raise error(
                f"Stopped by {name}, but the container engine does not answer: containers may be "
                "left, which the next run removes."
            )
        raise error(f"Stopped by {name}; nothing is left running.")

    @contextmanager
    def first(self) -> Iterator[None]:
        """Raise the request to stop rather than what the engine failed at after it."""
        try:
            yield
        except EngineError:
            self.check()
            raise

    def result_of(self, work: Callable[[], Result], abandon: Callable[[], None]) -> Result:
        """Run ``work`` in a thread of its own and return its result.

        For work that blocks for long without a place to poll. On a request to stop, ``abandon``
        is called and the request raised at once; the thread ends with the process.
        """
        future = begin(work)
        while not future.done():
            if self.wait(POLL):
                abandon()
                self.check()
        return future.result()


def begin(work: Callable[[], Result]) -> "Future[Result]":
    """Run ``work`` in a thread of its own that ends with the process; return its result to be."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # handed to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def say(text: str) -> None:
    """Write a line to stderr as a signal handler may: past all buffers, which may be in use."""
    # Whoever read it may be gone.
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def hush() -> None:
    """Let go of a stdout or stderr that nobody can read any more, so that writing is no error."""
    for descriptor in (1, 2):
        state = select.poll()
        state.register(descriptor, 0)
        if state.poll(0):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)


def heard() -> list[signal.Signals]:
    """Return the signals that ask to stop; under nohup SIGHUP is not for us."""
    return [n for n in STOPS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]


@contextmanager
def installed(interrupts: Interrupts, tell: Callable[[str], None] = say) -> Iterator[None]:
    """Route SIGINT, SIGTERM and SIGHUP to ``interrupts`` while the block runs.

    ``tell`` hears, within the handler, what to show of that.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        again = interrupts.requested
        interrupts.request(number)
        hush()
        text = "Stopping: removing what is still running."
        tell("Still removing what is running; a moment." if again else text)

    before = {number: signal.signal(number, handle) for number in heard()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
