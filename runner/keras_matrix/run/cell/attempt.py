"""Run one cell in a worker: collect what it wrote, judge how it ended, record it."""

import contextlib
import os
import shutil
import time
from datetime import datetime, timezone
from pathlib import Path

import keras_matrix
from keras_matrix.errors import EngineError
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.contract import EVENTS_FILE, TRACE_FOLDER
from keras_matrix.records.observation import MAX_BYTES, Observation, parse
from keras_matrix.records.record import Outcome, Record, Timing
from keras_matrix.records.untrusted import BadStreamError, read_bounded
from keras_matrix.run.cell.context import CellContext
from keras_matrix.run.cell.outcome import (
    INTERRUPTED,
    Judgement,
    judge,
    limits_seen,
    mismatch,
    not_closed,
    untold,
)
from keras_matrix.run.cell.worker import LimitNotAppliedError, Told, Worker
from keras_matrix.text import last_lines, printable

MAX_ARRAYS = 72 * 2**20
MAX_ARRAY_FILES = 4096
"""As many as the probe writes, and somewhat more bytes, since noise cannot be compressed."""


def run_cell(context: CellContext, cell: Cell, worker: Worker) -> Record:
    """Run a cell; write its record and return it, whatever happened to the cell.

    Raises:
        GoneError: the worker's container ended before the cell began; another one may do.
        StoreError: the record cannot be written.
    """
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    begin = time.perf_counter()
    created = 0.0
    told: Told | None = None
    judgement: Judgement
    observation, log = Observation(), b""
    kept: dict[str, str] = {}
    try:
        if not worker.started:
            worker.start()
            created = time.perf_counter() - begin
        with worker.run(cell) as told:
            log = told.log
            observation, judgement = _judge(context, worker, cell, told)
            kept = _keep(context, cell, told.folder, log, observation)
            if judgement.outcome is Outcome.OK:
                worker.keep_compiled(told.folder)
    except EngineError as error:
        judgement = Judgement(Outcome.ENGINE_ERROR, str(error))
        if context.interrupts.requested:
            judgement = INTERRUPTED
    except LimitNotAppliedError as error:
        judgement = Judgement(Outcome.LIMIT_NOT_APPLIED, str(error))
    record = Record(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=context.run.name,
        model=context.plan.model,
        script_sha256=context.plan.script_sha256,
        arguments=context.plan.arguments,
        cell=cell,
        image=worker.identity,
        outcome=judgement.outcome,
        reason=printable(judgement.reason),
        started=started,
        timing=Timing(create=created, run=time.perf_counter() - begin - created),
        exit_code=told.ending.exit_code if told is not None else None,
        notes=_notes(observation),
        log_tail=()
        if judgement.outcome is Outcome.OK
        else last_lines(log.decode(errors="replace")),
        terms=context.plan.terms,
        runtime=context.runtime,
        kept=kept,
        observation=observation,
    )
    context.run.write(record)
    return record


def _judge(
    context: CellContext, worker: Worker, cell: Cell, told: Told
) -> tuple[Observation, Judgement]:
    observation, damage = _observe(told)
    facts = told.ending.environment
    if facts is not None:
        # Found before the script ran: what it may have made of its own stream does not count.
        if observation.end is not None and observation.environment != facts:
            damage = "it tells of another environment than was found before the script ran"
        observation.environment = facts
    found = observation.environment
    wrong = untold(observation)
    if found is not None:
        wrong = mismatch(cell, worker.image.backend, worker.image.expect, found)
    caps = context.plan.caps
    judgement = judge(told.ending, observation, damage, worker.limits, wrong, caps)
    if found is not None:
        problem = limits_seen(found, worker.limits, worker.cpus)
        if problem := problem or not_closed(found, context.runtime):
            judgement = Judgement(Outcome.LIMIT_NOT_APPLIED, problem)
    return observation, judgement


def _observe(told: Told) -> tuple[Observation, str]:
    """Read the event stream; return what it tells and what is wrong with it."""
    if not os.path.lexists(told.folder / EVENTS_FILE):
        return Observation(), ""
    complete = told.ending.exit_code is not None and told.ending.exit_code <= 128
    try:
        return parse(read_bounded(told.folder / EVENTS_FILE, MAX_BYTES), complete=complete), ""
    except BadStreamError as error:
        return Observation(), str(error)


def _keep(
    context: CellContext, cell: Cell, folder: Path, log: bytes, observation: Observation
) -> dict[str, str]:
    """Keep the output and the arrays that the observation names; the rest is thrown away."""
    kept = context.run.keep(context.run.log_path(cell), log)
    if context.traced is not None:
        _keep_trace(folder / TRACE_FOLDER, context.traced.keep / cell.id)
    target = context.run.arrays_path(cell)
    shutil.rmtree(target, ignore_errors=True)
    left = MAX_ARRAYS
    named = (array.file for call in observation.calls for array in call.arrays)
    for file in list(dict.fromkeys(filter(None, named)))[:MAX_ARRAY_FILES]:
        with contextlib.suppress(BadStreamError):
            # One that is missing or too large shows when it is compared.
            content = read_bounded(folder / file, left)
            left -= len(content)
            kept |= context.run.keep(target / Path(file).name, content)
    return kept


def _keep_trace(folder: Path, target: Path) -> None:
    """Move what a cell saw of its model out of its own folder, whose end is near."""
    shutil.rmtree(target, ignore_errors=True)
    if folder.is_dir() and not folder.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, target)


def _notes(observation: Observation) -> tuple[str, ...]:
    notes = [printable(note) for note in dict.fromkeys(observation.notes)]
    end = observation.end
    if end is not None and end.keras_backend_variable is not None:
        variable = printable(end.keras_backend_variable)
        notes.append(
            f"The script sets KERAS_BACKEND={variable}; keras.json decides, so it had no say."
        )
    return tuple(notes)
