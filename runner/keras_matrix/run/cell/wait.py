"""Wait for the end of a cell: its own report, the engine's answer, its time-out or a stop.

The report is a file, so that a cell can end well even while the engine is silent.
"""

import os
import secrets
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from keras_matrix.engine.answers import ContainerState
from keras_matrix.engine.client import Engine
from keras_matrix.engine.patience import ATTEMPT_SECONDS, Patience
from keras_matrix.errors import EngineError, EngineHangsError, EngineSilentError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.contract import ENDED_FILE, OUT_OF_MEMORY_STATUS
from keras_matrix.records.bounded import Text
from keras_matrix.records.events import Environment
from keras_matrix.records.record import Outcome
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell.disk import DiskUse
from keras_matrix.run.cell.outcome import SIGNAL_BASE, CellOutcome, Ending
from keras_matrix.run.cell.watch import Watch

MAX_REPORT_BYTES = 2**20
"""The largest report of a cell's end that is read."""
FIRST_POLL_SECONDS = 0.005
"""Seconds between the first two checks for the report; they grow by half each time."""
MAX_POLL_SECONDS = 0.1
"""Seconds between two checks for the report, at most."""
WATCH_SECONDS = 0.2
"""Seconds between two readings of how far the cell is, and of how much disk it uses."""
STATE_SECONDS = 0.5
"""Seconds between two requests for the container's state."""
KILL_SECONDS = 15.0
"""Seconds that the engine may take to kill a container, of which it may wait 10 itself."""

FORGED = CellOutcome(
    Outcome.BAD_OUTPUT, "The report of the cell's end was not written by the probe."
)


class _EndReport(msgspec.Struct, frozen=True):
    """What the probe reports of a replicate that has ended.

    ``word`` is the secret that the host process sent the probe; ``changed`` is what the replicate
    has changed of the process that all replicates are forked from.
    """

    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)]
    word: Text
    environment: Environment | None
    changed: Annotated[list[Text], msgspec.Meta(max_length=100)]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """The wait for a cell in a container, which writes to ``output`` and has a time-out in seconds.

    ``word`` is the secret that the cell's report must contain, which no script knows; ``disk``
    measures how much of the disk ``output`` uses.
    """

    engine: Engine
    patience: Patience
    interrupts: Interrupts
    container: str
    output: Path
    word: str
    disk: DiskUse
    timeout: float

    def end(self, watch: Watch) -> Ending:
        """Wait for the cell's end; ``watch`` reads meanwhile how far the cell is.

        Raises:
            EngineError: the engine was silent for too long, or lost the cell while it was.
        """
        deadline = time.monotonic() + self.timeout
        last_request = last_reading = silent_since = time.monotonic()
        problem: EngineError | None = None
        poll = FIRST_POLL_SECONDS
        while True:
            ended = self._reported()
            if ended is not None:
                watch.update()
                return ended
            if time.monotonic() - last_reading > WATCH_SECONDS:
                last_reading = time.monotonic()
                watch.update()
                refused = self.disk.exceeded()
                if refused is not None:
                    return self._stop(problem, refused)
            if time.monotonic() - last_request > STATE_SECONDS:
                last_request = time.monotonic()
                try:
                    state = self.engine.state(self.container, seconds=ATTEMPT_SECONDS)
                except EngineError as error:
                    silent_since = last_request if problem is None else silent_since
                    problem = error
                    if not self._over(deadline) and not self.patience.lasts(silent_since):
                        raise
                else:
                    if state is None or not state.running:
                        return self._reported() or self._ended(state, lost=problem is not None)
                    problem = None
            if self._over(deadline):
                return self._stop(problem)
            self.interrupts.wait(poll)
            poll = min(poll * 1.5, MAX_POLL_SECONDS)

    def _over(self, deadline: float) -> bool:
        return self.interrupts.requested or time.monotonic() > deadline

    def _ended(self, state: ContainerState | None, *, lost: bool) -> Ending:
        """Return how the container ended; the cell is ``lost`` if the engine was silent meanwhile.

        Raises:
            EngineError: the cell is lost, or the engine cut the connection.
        """
        if lost:
            raise EngineError(
                "The container ended while the engine did not answer; run the cell again."
            )
        if state is None:
            return Ending(exit_code=None, gone=True)
        if state.exit_code == 0:
            # The probe ends by itself only when its connection is cut.
            raise EngineError("The engine cut the connection to the container; run the cell again.")
        # The probe's own word counts, too: Podman does not always note why a process was killed.
        starved = state.exit_code == OUT_OF_MEMORY_STATUS
        return Ending(
            exit_code=SIGNAL_BASE + signal.SIGKILL if starved else state.exit_code,
            out_of_memory=starved or state.out_of_memory,
            error=state.error,
        )

    def _stop(self, problem: EngineError | None, refused: CellOutcome | None = None) -> Ending:
        """End the cell; ``problem`` is the error of the last request, None if it was answered."""
        interrupted = self.interrupts.requested
        down = isinstance(problem, EngineSilentError) and not isinstance(problem, EngineHangsError)
        if problem is not None and down and not interrupted:
            # The container may have gone down with the engine before its time was up.
            raise problem
        killed = True
        try:
            self.engine.kill(self.container, seconds=KILL_SECONDS)
        except EngineError:
            killed = False
        return Ending(
            exit_code=None,
            timed_out=not interrupted and refused is None,
            interrupted=interrupted,
            out_of_reach=not killed,
            refused=refused,
        )

    def _reported(self) -> Ending | None:
        if not os.path.lexists(self.output / ENDED_FILE):
            return None
        try:
            content = read_bounded(self.output / ENDED_FILE, MAX_REPORT_BYTES)
            report = msgspec.json.decode(content, type=_EndReport)
            if not secrets.compare_digest(report.word.encode(), self.word.encode()):
                raise UnreadableError("it does not contain the secret")
        except (UnreadableError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # The probe did not write it: the container is not trusted with another cell.
            self.engine.kill(self.container)
            return Ending(exit_code=None, refused=FORGED)
        return Ending(
            exit_code=report.exit_code,
            reported=True,
            refused=_changed(report.changed),
            environment=report.environment,
        )


def _changed(changed: Sequence[str]) -> CellOutcome | None:
    if not changed:
        return None
    return CellOutcome(
        Outcome.BAD_OUTPUT,
        "The script changed the process that its replicates are forked from "
        f"({', '.join(changed)}), which no script may do.",
    )
