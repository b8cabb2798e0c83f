"""How long the container engine is waited for: by a call, by a run, and after a request to stop.

A thread that is blocked in a call cannot be interrupted. So calls are made in threads of their
own, which whoever waits lets go when it has waited long enough.
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

VARIABLE = "KERAS_MATRIX_ENGINE_WAIT"
WAIT = 60.0
"""Seconds that the engine may be silent, be it down or hanging."""
LOOK = 5.0
"""Seconds to wait for an answer that is asked for again and again."""
RETRY = 0.5
TELL, TELL_OF_CALL = 2.0, 10.0
"""Seconds of silence before the user is told, and of one call that may just be a long one."""
PARTING = 10.0
"""Seconds after a request to stop in which what hangs may still come to an answer."""
BRIEF = 5.0
"""Seconds, at least, for a call made after that."""
LAST = 0.3
"""Seconds for a call to an engine that is known to hang."""

Result = TypeVar("Result")


def asked_for() -> float:
    """Return the seconds to wait: those that KERAS_MATRIX_ENGINE_WAIT names, or 60.

    Raises:
        ConfigurationError: it names no number of seconds.
    """
    text = os.environ.get(VARIABLE) or str(WAIT)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigurationError(f"{VARIABLE}={text!r} is not a number of seconds above 0.")
    return seconds


class Patience:
    """What all connections of a run know of the engine's silence.

    ``say`` is told, once in each silence, that the engine is waited for.
    """

    def __init__(
        self,
        interrupts: Interrupts | None = None,
        say: Callable[[str], None] = discard,
        wait: float | None = None,
    ) -> None:
        self.wait = asked_for() if wait is None else wait
        self._interrupts = interrupts or Interrupts()
        self._say = say
        self._lock = threading.Lock()
        self._silent: float | None = None
        self._told = False
        self._hangs = False

    def call(self, work: Callable[[], Result], seconds: float | None = None) -> Result:
        """Return what ``work`` returns, which asks the engine; ``seconds`` are waited at most.

        Raises:
            EngineHangsError: it took too long, or longer than a request to stop allows.
        """
        began = time.monotonic()
        future = start(work)
        while not futures.wait([future], timeout=POLL_SECONDS).done:
            now = time.monotonic()
            if now > self._limit(began, self.wait if seconds is None else seconds):
                self._let_go(began)
                raise EngineHangsError(
                    f"The container engine does not answer (nothing for {now - began:.0f} s); "
                    "restart it, or run 'keras-matrix doctor'."
                )
            self._tell_after(TELL_OF_CALL, now - began)
        try:
            result = future.result()
        except EngineSilentError:
            self._note_silence(began)
            raise
        with self._lock:
            self._silent, self._told = None, False
        return result

    def lasts(self, since: float) -> bool:
        """Tell whether an engine that gives no good answer since then is waited for."""
        now = time.monotonic()
        self._tell_after(TELL, now - since)
        return now - min(since, self._silent or since) <= self.wait

    def until_answers(self, ask: Callable[[float], Result]) -> Result:
        """Ask until the engine answers; return its answer.

        ``ask`` takes the seconds to wait for one answer, and makes a :meth:`call`.

        Raises:
            EngineError: it does not for too long.
            InterruptedRunError: a stop was requested meanwhile.
        """
        since = time.monotonic()
        while True:
            try:
                return ask(LOOK)
            except EngineError as error:
                self._interrupts.check()
                if not self.lasts(since):
                    raise EngineSilentError(
                        f"The container engine has not answered for {self.wait:g} s; start it, "
                        "or run 'keras-matrix doctor' for the command."
                    ) from error
            self._interrupts.wait(RETRY)

    def _limit(self, began: float, seconds: float) -> float:
        limit = began + min(seconds, self.wait)
        asked = self._interrupts.requested_at
        if asked is not None:
            parting = min(PARTING, self.wait)
            limit = min(limit, max(asked + parting, began + min(BRIEF, parting)))
        known = self._hangs if asked is not None else self._gone()
        return min(limit, began + LAST) if known else limit

    def _gone(self) -> bool:
        return self._silent is not None and time.monotonic() - self._silent > self.wait

    def _let_go(self, began: float) -> None:
        self._note_silence(began)
        if self._interrupts.requested:
            self._hangs = True

    def _note_silence(self, began: float) -> None:
        with self._lock:
            self._silent = began if self._silent is None else min(self._silent, began)

    def _tell_after(self, seconds: float, silent: float) -> None:
        if silent <= min(seconds, self.wait / 2) or self._interrupts.requested:
            return
        with self._lock:
            told, self._told = self._told, True
        if not told:
            self._say("waiting for the container engine")
