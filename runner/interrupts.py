"""Ctrl-C and SIGTERM: a request to stop, noted at once and obeyed where nothing is left behind.

A handler that raised could do so between a container's creation and the line that remembers
it. So the handlers only set a flag; waiting code polls it, cleaning code ignores it. A second
Ctrl-C changes nothing but says what is going on.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from runner.errors import InterruptedRunError, TerminatedRunError

POLL = 0.1

Result = TypeVar("Result")


class Interrupts:
    """The request to stop, if there was one."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        """Tell whether a stop was requested."""
        return self._event.is_set()

    def request(self, number: int) -> None:
        """Ask to stop, as the signal of that number does."""
        if self._signal is None:
            self._signal = number
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until a stop is requested; tell whether it was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise if a stop was requested.

        Raises:
            InterruptedRunError: by Ctrl-C.
            TerminatedRunError: by SIGTERM.
        """
        if self._signal == signal.SIGTERM:
            raise TerminatedRunError("Stopped by SIGTERM; nothing is left running.")
        if self._signal is not None:
            raise InterruptedRunError("Stopped by Ctrl-C; nothing is left running.")

    def result_of(self, work: Callable[[], Result], abandon: Callable[[], None]) -> Result:
        """Run ``work`` in a thread of its own and return its result.

        For work that blocks for long without a place to poll. On a request to stop, ``abandon``
        is called and the request raised at once; the thread ends with the process.
        """
        future: Future[Result] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:  # handed to whoever waits
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        while not future.done():
            if self.wait(POLL):
                abandon()
                self.check()
        return future.result()


def say(text: str) -> None:
    """Write a line to stderr as a signal handler may: past all buffers, which may be in use."""
    os.write(2, f"\n{text}\n".encode())


@contextmanager
def installed(interrupts: Interrupts, tell: Callable[[str], None] = say) -> Iterator[None]:
    """Route SIGINT and SIGTERM to ``interrupts`` while the block runs.

    ``tell`` hears, within the handler, what to show of that.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        again = interrupts.requested
        interrupts.request(number)
        text = "Stopping: removing what is still running."
        tell("Still removing what is running; a moment." if again else text)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
