"""Attempt one cell in a worker: run it, judge how it ended, hand over what it made."""

import os
import time
from datetime import datetime, timezone

import keras_matrix
from keras_matrix.errors import EngineError
from keras_matrix.interrupts import Interrupts
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.contract import EVENTS_FILE
from keras_matrix.records.observation import MAX_STREAM_BYTES, Observation, parse
from keras_matrix.records.record import Outcome, Record, Timing
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell import folders
from keras_matrix.run.cell.outcome import (
    INTERRUPTED,
    CellOutcome,
    judge,
    limits_seen,
    mismatch,
    no_environment,
    not_closed,
)
from keras_matrix.run.cell.task import CellTask
from keras_matrix.run.cell.worker import CellOutput, LimitNotAppliedError, Worker
from keras_matrix.run.parcel import Parcel
from keras_matrix.text import last_lines, printable


def run_cell(task: CellTask, cell: Cell, worker: Worker, interrupts: Interrupts) -> Parcel:
    """Run a cell; return its record and what it made, whatever happened to the cell.

    Raises:
        GoneError: the worker's container ended before the cell began; another one may do.
        StoreError: the folders of the cell cannot be written.
    """
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    begin = time.perf_counter()
    created = 0.0
    output: CellOutput | None = None
    ended: CellOutcome
    observation = Observation()
    try:
        if not worker.started:
            worker.start()
            created = time.perf_counter() - begin
        output = worker.run(cell)
        observation, ended = _judge(task, worker, cell, output)
    except EngineError as error:
        ended = CellOutcome(Outcome.ENGINE_ERROR, str(error))
        if interrupts.requested:
            ended = INTERRUPTED
    except LimitNotAppliedError as error:
        ended = CellOutcome(Outcome.LIMIT_NOT_APPLIED, str(error))
    except BaseException:
        if output is not None:
            folders.remove(output.folder)
        raise
    ended_well = ended.outcome is Outcome.OK
    log = output.log if output is not None else b""
    record = Record(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=task.run,
        model=task.plan.model,
        script_sha256=task.plan.script_sha256,
        arguments=task.plan.arguments,
        cell=cell,
        image=worker.identity,
        outcome=ended.outcome,
        reason=printable(ended.reason),
        started=started,
        timing=Timing(create=created, run=time.perf_counter() - begin - created),
        exit_code=output.ending.exit_code if output is not None else None,
        notes=_notes(observation),
        log_tail=() if ended_well else last_lines(log.decode(errors="replace")),
        terms=task.plan.terms,
        runtime=task.runtime,
        observation=observation,
    )
    return Parcel(
        record=record,
        log=log,
        folder=output.folder if output is not None else None,
        compiled=worker.compiled if ended_well else None,
    )


def _judge(
    task: CellTask, worker: Worker, cell: Cell, output: CellOutput
) -> tuple[Observation, CellOutcome]:
    """Read what the cell recorded, and judge how the cell ended."""
    observation, damage = _observe(output)
    facts = output.ending.environment
    if facts is not None:
        # What the probe found before the script ran counts, not what is in the script's own stream.
        if observation.end is not None and observation.environment != facts:
            damage = "it reports another environment than was found before the script ran"
        observation.environment = facts
    environment = observation.environment
    wrong = no_environment(observation)
    if environment is not None:
        wrong = mismatch(cell, worker.image.backend, worker.image.expect, environment)
    caps = task.plan.caps
    ended = judge(output.ending, observation, damage, worker.limits, wrong, caps)
    if environment is not None:
        problem = limits_seen(environment, worker.limits, worker.cpus)
        if problem := problem or not_closed(environment, task.runtime):
            ended = CellOutcome(Outcome.LIMIT_NOT_APPLIED, problem)
    return observation, ended


def _observe(output: CellOutput) -> tuple[Observation, str]:
    """Read the event stream; return what it reports, and what is wrong with it."""
    if not os.path.lexists(output.folder / EVENTS_FILE):
        return Observation(), ""
    complete = output.ending.exit_code is not None and output.ending.exit_code <= 128
    try:
        return parse(
            read_bounded(output.folder / EVENTS_FILE, MAX_STREAM_BYTES), complete=complete
        ), ""
    except UnreadableError as error:
        return Observation(), str(error)


def _notes(observation: Observation) -> tuple[str, ...]:
    notes = [printable(note) for note in dict.fromkeys(observation.notes)]
    end = observation.end
    if end is not None and end.keras_backend_variable is not None:
        variable = printable(end.keras_backend_variable)
        notes.append(
            f"The script sets KERAS_BACKEND={variable}, which has no effect: keras.json decides."
        )
    return tuple(notes)
