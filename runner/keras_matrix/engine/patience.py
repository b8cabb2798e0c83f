"""How long the container engine is waited for: by a call, by a run, and after a request to stop.

A thread that is blocked in a call cannot be interrupted. So each call is made in a thread of its
own; the caller abandons that thread once it has waited long enough.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar

from keras_matrix.errors import ConfigurationError, EngineError, EngineHangsError, EngineSilentError
from keras_matrix.interrupts import POLL_SECONDS, Interrupts, start
from keras_matrix.text import discard

WAIT_VARIABLE = "KERAS_MATRIX_ENGINE_WAIT"
"""The environment variable that sets how many seconds the engine may be silent."""
DEFAULT_WAIT_SECONDS = 60.0
"""Seconds that the engine may be silent, whether it is down or hangs."""
ATTEMPT_SECONDS = 5.0
"""Seconds to wait for the answer to a request that is repeated until it is answered."""
RETRY_SECONDS = 0.5
"""Seconds between two attempts at the same request."""
SILENCE_NOTICE_SECONDS = 2.0
"""Seconds of failed requests after which the user is notified that the engine is waited for."""
CALL_NOTICE_SECONDS = 10.0
"""The same for a single call without an answer, which may simply take long."""
STOP_SECONDS = 10.0
"""Seconds after a request to stop in which a call that hangs may still be answered."""
CALL_AFTER_STOP_SECONDS = 5.0
"""Seconds that a call made after a request to stop has at least."""
HANGING_ENGINE_SECONDS = 0.3
"""Seconds for a call to an engine that is known to hang."""

Result = TypeVar("Result")


def configured_wait() -> float:
    """Return the seconds to wait for the engine: those in the environment, or the default.

    Raises:
        ConfigurationError: the variable holds no number of seconds above 0.
    """
    text = os.environ.get(WAIT_VARIABLE) or str(DEFAULT_WAIT_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigurationError(
            f"{WAIT_VARIABLE}={text!r} is not a number of seconds above 0; correct or unset it."
        )
    return seconds


class Patience:
    """How long the connections of a run wait for the engine, given its silence so far.

    ``say`` is called once in each silence, with a line that says that the engine is waited for.
    """

    def __init__(
        self,
        interrupts: Interrupts | None = None,
        say: Callable[[str], None] = discard,
        wait: float | None = None,
    ) -> None:
        self.wait = configured_wait() if wait is None else wait
        self._interrupts = interrupts or Interrupts()
        self._say = say
        self._lock = threading.Lock()
        self._silent_since: float | None = None
        self._notified = False
        self._hangs = False

    def call(self, work: Callable[[], Result], seconds: float | None = None) -> Result:
        """Return what ``work``, a request to the engine, returns; wait at most ``seconds``.

        Raises:
            EngineHangsError: it took too long, or longer than a request to stop allows.
        """
        began = time.monotonic()
        future = start(work)
        while not futures.wait([future], timeout=POLL_SECONDS).done:
            now = time.monotonic()
            if now > self._limit(began, self.wait if seconds is None else seconds):
                self._abandon(began)
                raise EngineHangsError(
                    f"The container engine does not answer (no answer for {now - began:.0f} s); "
                    "restart it, or run 'keras-matrix doctor'."
                )
            self._notify_after(CALL_NOTICE_SECONDS, now - began)
        try:
            result = future.result()
        except EngineSilentError:
            self._note_silence(began)
            raise
        with self._lock:
            self._silent_since, self._notified = None, False
        return result

    def lasts(self, since: float) -> bool:
        """Tell whether to wait further for an engine without a good answer since then.

        ``since`` is a monotonic time, in seconds.
        """
        now = time.monotonic()
        self._notify_after(SILENCE_NOTICE_SECONDS, now - since)
        return now - min(since, self._silent_since or since) <= self.wait

    def until_answers(self, request: Callable[[float], Result]) -> Result:
        """Repeat a request until the engine answers; return its answer.

        ``request`` takes the seconds to wait for one answer, and makes a :meth:`call`.

        Raises:
            EngineError: the engine was silent for too long.
            InterruptedRunError: a stop was requested meanwhile.
        """
        since = time.monotonic()
        while True:
            try:
                return request(ATTEMPT_SECONDS)
            except EngineError as error:
                self._interrupts.check()
                if not self.lasts(since):
                    raise EngineSilentError(
                        f"The container engine has not answered for {self.wait:g} s; start it, "
                        "or run 'keras-matrix doctor' for the command."
                    ) from error
            self._interrupts.wait(RETRY_SECONDS)

    def _limit(self, began: float, seconds: float) -> float:
        """Return the monotonic time until which a call that began at ``began`` is waited for."""
        limit = began + min(seconds, self.wait)
        stop_requested = self._interrupts.requested_at
        if stop_requested is None:
            hangs = self._waited_in_vain()
        else:
            hangs = self._hangs
            stop_seconds = min(STOP_SECONDS, self.wait)
            least = began + min(CALL_AFTER_STOP_SECONDS, stop_seconds)
            limit = min(limit, max(stop_requested + stop_seconds, least))
        return min(limit, began + HANGING_ENGINE_SECONDS) if hangs else limit

    def _waited_in_vain(self) -> bool:
        since = self._silent_since
        return since is not None and time.monotonic() - since > self.wait

    def _abandon(self, began: float) -> None:
        self._note_silence(began)
        if self._interrupts.requested:
            self._hangs = True

    def _note_silence(self, began: float) -> None:
        with self._lock:
            since = self._silent_since
            self._silent_since = began if since is None else min(since, began)

    def _notify_after(self, seconds: float, silent_seconds: float) -> None:
        if silent_seconds <= min(seconds, self.wait / 2) or self._interrupts.requested:
            return
        with self._lock:
            already_notified, self._notified = self._notified, True
        if not already_notified:
            self._say("waiting for the container engine")
