"""One trace from end to end: look, compare, replay alone what differs, compare again, conclude."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import runner
from runner import store
from runner.errors import EngineError, ExitCode, KerasMatrixError, StoreError
from runner.interrupts import Interrupts
from runner.record import Outcome, Record
from runner.report.progress import Progress
from runner.session import RunRequest, ready
from runner.store import to_json, write_atomically
from runner.stream import BadStreamError
from runner.text import brief
from runner.trace import conclude, judge, training
from runner.trace.bounds import Allowance
from runner.trace.conclude import Side
from runner.trace.finding import Finding, Origin
from runner.trace.judge import Replay
from runner.trace.literature import rates
from runner.trace.measure import Table, measure
from runner.trace.result import TRACE_FILE, ImageTrace, Trace
from runner.trace.rounds import ALONE, IMPOSED, LOOK, NUDGED, Rounds, Wanted


@dataclass(frozen=True)
class TraceRequest:
    """What the user asked for; ``keep_arrays`` leaves all that was dumped in the run's folder."""

    cells: RunRequest
    wanted: Wanted
    allowance: Allowance
    keep_arrays: bool


class NoLookError(KerasMatrixError):
    """No image came as far as a model's first training call."""

    exit_code = ExitCode.CELL_FAILED


@dataclass
class _Compared:
    """One image against the reference, as far as it is known."""

    side: Side
    start: Table
    table: Table
    alone: Table


def trace(request: TraceRequest, progress: Progress, interrupts: Interrupts) -> Trace:
    """Trace a script's model on images.

    Raises:
        KerasMatrixError: whatever keeps the trace from being made, or stops it.
    """
    with ready(request.cells, progress, interrupts) as made:
        rounds = Rounds(made, request.wanted, progress.ended)
        try:
            found = _trace(request, rounds)
        except BadStreamError as error:
            raise StoreError(f"What a cell saw of its model is damaged: {error}.") from error
        finally:
            if not request.keep_arrays:
                shutil.rmtree(rounds.folder, ignore_errors=True)
        write_atomically(made.context.run.path / TRACE_FILE, to_json(found))
    return found


def _trace(request: TraceRequest, rounds: Rounds) -> Trace:
    plan = rounds.ready.context.plan
    looked = rounds.look()
    sides = {
        image: Side(image, looked[image], rounds.records[rounds.cell(image, LOOK)])
        for image in plan.images
    }
    reference = _reference(list(sides.values()))
    others = [side for side in sides.values() if side is not reference]
    compared = _compare(request, rounds, reference, [s for s in others if s.bundle.looked])
    images = []
    for side in others:
        found = list(conclude.broken(reference, side))
        known = compared.get(side.image)
        if known is None:
            images.append(ImageTrace(image=side.image, findings=conclude.in_order(found)))
            continue
        images.append(_conclude(request, rounds, reference, known, found))
    return Trace(
        tool=f"keras-matrix {runner.__version__}",
        run=rounds.ready.context.run.name,
        model=plan.model,
        reference=reference.image,
        layers=len(reference.bundle.nodes),
        still=list(reference.bundle.still),
        seconds={image: side.record.timing.run for image, side in sides.items()},
        images=images,
    )


def _reference(sides: list[Side]) -> Side:
    """Return the first image whose cell looked into a model, best one that ended well.

    Raises:
        NoLookError: there is none.
    """
    looked = [side for side in sides if side.bundle.looked]
    if not looked:
        reasons = "; ".join(f"{side.image}: {_reason(side.record)}" for side in sides)
        raise NoLookError(
            f"No image came to a model's first training call, so there is nothing to trace "
            f"({reasons}); run the script with 'keras-matrix run' first."
        )
    return next((side for side in looked if side.ok), looked[0])


def _reason(record: Record) -> str:
    if record.outcome is Outcome.OK:
        return "the script trains no model of the name, or none with fit or train_on_batch"
    return brief(record.reason).rstrip(".")


def _compare(
    request: TraceRequest, rounds: Rounds, reference: Side, others: list[Side]
) -> dict[str, _Compared]:
    """Measure each image against the reference, and replay what differs."""
    base, allowance = reference.bundle, request.allowance
    compared = {}
    for side in others:
        table = measure(base, side.bundle, allowance)
        compared[side.image] = _Compared(side, table, table, {})
    moved = [image for image, one in compared.items() if not judge.same_start(one.start)]
    if moved:
        for image, bundle in rounds.imposed(moved, reference.image).items():
            _check(rounds, image, IMPOSED)
            compared[image].table = measure(base, bundle, allowance)
    replay = Replay()
    for one in compared.values():
        replay |= judge.suspects(base, one.table)
    if replay:
        images = [reference.image, *compared]
        replayed = rounds.alone(images, reference.image, replay)
        for image, one in compared.items():
            _check(rounds, image, ALONE)
            one.alone = measure(replayed[reference.image], replayed[image], allowance, base)
    return compared


def _check(rounds: Rounds, image: str, repeat: int) -> None:
    """Make sure that a further look came to its end: what it did not tell would be taken for none.

    Raises:
        EngineError: the cell was stopped by something that is not the script's doing.
    """
    record = rounds.records[rounds.cell(image, repeat)]
    if not rounds.read(image, repeat).looked:
        raise EngineError(
            f"A look into the model on {image} that had worked before was cut off "
            f"({brief(record.reason)}); trace again, with more --memory or --timeout if that is it."
        )


def _conclude(
    request: TraceRequest,
    rounds: Rounds,
    reference: Side,
    known: _Compared,
    found: list[Finding],
) -> ImageTrace:
    base, side = reference.bundle, known.side
    found += judge.start(base, known.start)
    found += conclude.findings(base, known.table, known.alone)
    trained: Table = {}
    if request.wanted.training and reference.ok and side.ok:
        moved = [(one, rounds.read(one.image, NUDGED)) for one in (reference, side)]
        trained = training.after(
            base,
            side.bundle,
            [(one.bundle, nudged) for one, nudged in moved if nudged.arrays],
            training.steps_of(reference.record),
            request.allowance,
        )
        found += training.training(
            base,
            trained,
            (reference.record, side.record),
            [(one.record, rounds.records[rounds.cell(one.image, NUDGED)]) for one, _ in moved],
            request.allowance,
            [one for one in found if one.origin is Origin.REAL],
        )
    mad, classes = conclude.literature_of(base, side.bundle)
    phase = judge.phases_of(base)[0]
    return ImageTrace(
        image=side.image,
        findings=conclude.in_order(found),
        stages=conclude.summaries({**known.table, **trained}),
        rates=rates(base, known.table, phase),
        d_mad=mad,
        d_class=classes,
        notes=_notes(reference, side),
    )


def _notes(reference: Side, side: Side) -> list[str]:
    both = {(f.stage, f.name) for f in reference.bundle.failed}
    return [
        f"skipped on both images: {f.name or 'the model'}, {conclude.WORDS.get(f.stage, f.stage)} "
        f"({f.error}: {brief(f.message)})"
        for f in side.bundle.failed
        if (f.stage, f.name) in both
    ]


def folder_of(request: TraceRequest, found: Trace) -> Path:
    """Return the folder of a trace."""
    return store.place(request.cells.results, request.cells.run or found.run).path
