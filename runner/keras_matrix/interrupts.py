"""Ctrl-C, SIGTERM and SIGHUP: noted at once, obeyed where no container is left behind.

A handler that raised an error could do so between the creation of a container and the line that
records its id. So the handlers only set a flag; code that waits checks it, code that cleans up
ignores it. A second Ctrl-C only prints what is being done.
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

POLL_SECONDS = 0.1
"""Seconds between two checks of the flag while a thread works."""
STOP_SIGNALS: dict[signal.Signals, tuple[str, type[InterruptedRunError]]] = {
    signal.SIGINT: ("Ctrl-C", InterruptedRunError),
    signal.SIGTERM: ("SIGTERM", TerminatedRunError),
    signal.SIGHUP: ("SIGHUP", HungUpRunError),
}
"""The signals that request a stop, each with its name and its error."""

Result = TypeVar("Result")


class Interrupts:
    """The request to stop, if there is one; ``requested_at`` is the monotonic time of the first."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._event = threading.Event()
        self._leftovers = False
        self.requested_at: float | None = None

    @property
    def requested(self) -> bool:
        """Whether a stop was requested."""
        return self._event.is_set()

    def request(self, number: int) -> None:
        """Request a stop, as the signal of that number does."""
        if self._signal is None:
            self._signal = number
            self.requested_at = time.monotonic()
        self._event.set()

    def note_leftovers(self) -> None:
        """Note that a container could not be removed."""
        self._leftovers = True

    def wait(self, seconds: float) -> bool:
        """Sleep, but no longer than until a stop is requested; tell whether it was."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise an error if a stop was requested.

        Raises:
            InterruptedRunError: by Ctrl-C.
            TerminatedRunError: by SIGTERM.
            HungUpRunError: by SIGHUP.
        """
        if self._signal is None:
            return
        name, error = STOP_SIGNALS[signal.Signals(self._signal)]
        if self._leftovers:
            raise error(
                f"Stopped by {name}, but the container engine does not answer: containers may be "
                "left, which the next run removes."
            )
        raise error(f"Stopped by {name}; nothing is left running.")

    @contextmanager
    def before_engine_errors(self) -> Iterator[None]:
        """Raise a requested stop instead of an error of the engine that came after the request."""
        try:
            yield
        except EngineError:
            self.check()
            raise

    def result_of(self, work: Callable[[], Result], abandon: Callable[[], None]) -> Result:
        """Run ``work`` in a thread of its own and return its result.

        This is for work that blocks for long and cannot poll. On a request to stop, ``abandon`` is
        called and the request is raised at once; the thread ends with the process.
        """
        future = start(work)
        while not future.done():
            if self.wait(POLL_SECONDS):
                abandon()
                self.check()
        return future.result()


def start(work: Callable[[], Result]) -> "Future[Result]":
    """Run ``work`` in a thread that ends with the process; return the future of its result."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # raised again where the result is read
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def write_line(text: str) -> None:
    """Write a line to stderr at once: without buffers, which a thread that hangs may hold."""
    # stderr may be closed.
    with contextlib.suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def drop_closed_output() -> None:
    """Discard output to a stdout or stderr whose reader has gone, so that writing is no error."""
    for descriptor in (1, 2):
        poll = select.poll()
        poll.register(descriptor, 0)
        if poll.poll(0):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, descriptor)
            os.close(null)


def handled_signals() -> list[signal.Signals]:
    """Return the signals that request a stop: not SIGHUP if it is ignored, as under nohup."""
    return [
        number
        for number in STOP_SIGNALS
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
    ]


@contextmanager
def installed(interrupts: Interrupts, show: Callable[[str], None] = write_line) -> Iterator[None]:
    """Route SIGINT, SIGTERM and SIGHUP to ``interrupts`` while the block runs.

    ``show`` is called with a line for the user, in a thread of its own. Only the main thread can
    install handlers.
    """
    numbers = handled_signals()
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)

    def listen() -> None:
        with open(reader, "rb", buffering=0) as arrived:
            while byte := arrived.read(1):
                if byte[0] in numbers:
                    _note(byte[0], interrupts, show)

    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    handlers = {number: signal.signal(number, _do_nothing) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        os.close(writer)
        listener.join()


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Handle a signal, so that it neither ends the process nor is ignored."""


def _note(number: int, interrupts: Interrupts, show: Callable[[str], None]) -> None:
    again = interrupts.requested
    interrupts.request(number)
    drop_closed_output()
    text = "Stopping: removing what is still running."
    show("Still removing what is running; please wait." if again else text)
