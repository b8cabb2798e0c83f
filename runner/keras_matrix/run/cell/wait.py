"""Wait for the end of a cell: by its own report, by the engine's word, by its time or a stop.

The report is a file, so that a cell ends well even while the engine is silent.
"""

import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from keras_matrix.engine.answers import ContainerState
from keras_matrix.engine.client import Engine
from keras_matrix.engine.patience import LOOK, Patience
from keras_matrix.errors import EngineError, EngineHangsError, EngineSilentError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.contract import ENDED_FILE
from keras_matrix.records.bounded import Text
from keras_matrix.records.events import Environment
from keras_matrix.records.record import Outcome
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell.disk import DiskUse
from keras_matrix.run.cell.outcome import Ending, Judgement
from keras_matrix.run.cell.watch import Watch

MAX_ENDED = 2**20
FIRST_POLL = 0.005
LAST_POLL = 0.1
LOOK_POLL = 0.2
STATE_POLL = 0.5
KILL = 15.0
"""Seconds that the engine may take to kill a container; it may wait 10 itself."""

FORGED = Judgement(Outcome.BAD_OUTPUT, "The report of how the cell ended is not the probe's own.")


class _Ended(msgspec.Struct, frozen=True):
    """What the probe says of a replicate that has ended.

    ``word`` is the one it was given; ``changed`` what the replicate has changed of the process
    that it was forked from, and that the next ones would be, too.
    """

    exit_code: Annotated[int, msgspec.Meta(ge=0, le=255)]
    word: Text
    environment: Environment | None
    changed: Annotated[list[Text], msgspec.Meta(max_length=100)]


@dataclass(frozen=True, kw_only=True)
class Wait:
    """What to wait for: the cell in a container, which writes to a folder and has a time-out.

    ``word`` is what its report has to hold, which no script knows; ``disk`` what it takes there.
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
        """Wait for the cell's end; ``watch`` looks at it meanwhile.

        Raises:
            EngineError: the engine was silent for too long, or lost the cell while it was.
        """
        deadline = time.monotonic() + self.timeout
        asked = looked = time.monotonic()
        silent, why = asked, None
        poll = FIRST_POLL
        while True:
            ended = self._reported()
            if ended is not None:
                watch.look()
                return ended
            if time.monotonic() - looked > LOOK_POLL:
                looked = time.monotonic()
                watch.look()
                refused = self.disk.exceeded()
                if refused is not None:
                    return self._stop(why, refused)
            if time.monotonic() - asked > STATE_POLL:
                asked = time.monotonic()
                try:
                    state = self.engine.state(self.container, seconds=LOOK)
                except EngineError as error:
                    silent, why = asked if why is None else silent, error
                    if not self._over(deadline) and not self.patience.lasts(silent):
                        raise
                else:
                    if state is None or not state.running:
                        return self._reported() or self._ended(state, lost=why is not None)
                    why = None
            if self._over(deadline):
                return self._stop(why)
            self.interrupts.wait(poll)
            poll = min(poll * 1.5, LAST_POLL)

    def _over(self, deadline: float) -> bool:
        return self.interrupts.requested or time.monotonic() > deadline

    def _ended(self, state: ContainerState | None, *, lost: bool) -> Ending:
        """Return how the container ended; ``lost`` if the engine was silent meanwhile."""
        if lost:
            raise EngineError(
                "The container ended while the engine did not answer; run the cell again."
            )
        if state is None:
            return Ending(exit_code=None, gone=True)
        if state.exit_code == 0:
            # The probe never ends by itself, but when nobody is connected to it any more.
            raise EngineError("The engine cut the connection to the container; run the cell again.")
        return Ending(
            exit_code=state.exit_code, out_of_memory=state.out_of_memory, error=state.error
        )

    def _stop(self, silent: EngineError | None, refused: Judgement | None = None) -> Ending:
        """End the cell; ``silent`` is what the engine says if it was not heard of lately."""
        interrupted = self.interrupts.requested
        down = isinstance(silent, EngineSilentError) and not isinstance(silent, EngineHangsError)
        if silent is not None and down and not interrupted:
            # The container may have gone down with the engine before its time was up.
            raise silent
        killed = True
        try:
            self.engine.kill(self.container, seconds=KILL)
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
            content = read_bounded(self.output / ENDED_FILE, MAX_ENDED)
            found = msgspec.json.decode(content, type=_Ended)
            if not secrets.compare_digest(found.word.encode(), self.word.encode()):
                raise UnreadableError("it does not hold the word")
        except (UnreadableError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # Not the probe's: the container is not to be trusted with another cell.
            self.engine.kill(self.container)
            return Ending(exit_code=None, refused=FORGED)
        return Ending(
            exit_code=found.exit_code,
            reported=True,
            refused=_changed(found.changed),
            environment=found.environment,
        )


def _changed(what: Sequence[str]) -> Judgement | None:
    if not what:
        return None
    return Judgement(
        Outcome.BAD_OUTPUT,
        "The script changed the process that its replicates are forked from "
        f"({', '.join(what)}), which it has no business with.",
    )
