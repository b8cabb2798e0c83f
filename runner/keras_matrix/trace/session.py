"""One trace from end to end: look, compare, replay alone what differs, compare again, conclude."""

import re
from dataclasses import dataclass, field

import msgspec

import keras_matrix
from keras_matrix.errors import EngineError, NoCaptureError, StoreError
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.folder import TRACE_FILE
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run.cell import folders
from keras_matrix.run.prepare import Images, OpenRun
from keras_matrix.run.session import RunResult
from keras_matrix.text import brief
from keras_matrix.trace import conclude, judge, training
from keras_matrix.trace.broken import WORDS, Side, broken
from keras_matrix.trace.dump import Bundle
from keras_matrix.trace.explain import hints, minimal
from keras_matrix.trace.finding import Finding, Minimal, Origin
from keras_matrix.trace.judge import Replay
from keras_matrix.trace.literature import rates
from keras_matrix.trace.measure import Table, measure, measure_alone
from keras_matrix.trace.result import ImageTrace, Trace
from keras_matrix.trace.rounding import Allowance
from keras_matrix.trace.rounds import ALONE, IMPOSED, LOOK, NUDGED, Rounds, Wanted


@dataclass(frozen=True)
class TraceRequest:
    """What the user asked for; ``keep_arrays`` leaves all that was dumped in the run's folder."""

    wanted: Wanted
    allowance: Allowance
    keep_arrays: bool


@dataclass(frozen=True)
class TraceResult(RunResult):
    """The records of a trace's cells, and what they show."""

    trace: Trace


SCRIPTS = 5
"""Findings of an image that get a minimal script."""
SCRIPTS_FOLDER = "scripts"


@dataclass
class _Compared:
    """One image against the reference, as far as it is known.

    ``bundle`` is what it saw from the reference's weights and batch, ``start`` was measured from
    its own.
    """

    side: Side
    bundle: Bundle
    start: Table
    table: Table
    alone: Table
    spreads: dict[str, float] = field(default_factory=dict)


def trace(request: TraceRequest, run: OpenRun, images: Images) -> TraceResult:
    """Trace a script's model on images: run cells, compare, and run again what differs.

    Raises:
        KerasMatrixError: whatever keeps the trace from being made, or stops it.
    """
    rounds = Rounds(run, images, request.wanted)
    try:
        with rounds.begun():
            found = _trace(request, rounds)
        write_atomically(run.folder.path / TRACE_FILE, to_json(found))
    except UnreadableError as error:
        raise StoreError(f"What a cell saw of its model is damaged: {error}.") from error
    finally:
        if not request.keep_arrays:
            folders.remove(rounds.folder)
    return TraceResult(run.folder, tuple(rounds.records.values()), last=True, trace=found)


def _trace(request: TraceRequest, rounds: Rounds) -> Trace:
    plan = rounds.run.plan
    looked = rounds.look()
    sides = {
        image: Side(image, looked[image], rounds.records[rounds.cell(image, LOOK)])
        for image in plan.images
    }
    reference = _reference(list(sides.values()))
    others = [side for side in sides.values() if side is not reference]
    compared = _compare(request, rounds, reference, others)
    images = []
    for side in others:
        found = broken(reference, side)
        known = compared.get(side.image)
        if known is None:
            told = [_explained(rounds, reference, one, True) for one in conclude.in_order(found)]
            images.append(ImageTrace(image=side.image, findings=told))
            continue
        images.append(_conclude(request, rounds, reference, known, found))
    return Trace(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=rounds.run.folder.name,
        model=plan.model,
        reference=reference.image,
        layers=len(reference.bundle.nodes),
        still=list(reference.bundle.still),
        seconds={image: side.record.timing.run for image, side in sides.items()},
        failed={image: _reason(s.record) for image, s in sides.items() if not s.ok},
        images=images,
    )


def _reference(sides: list[Side]) -> Side:
    """Return the first image whose cell looked into a model, best one that ended well.

    Raises:
        NoCaptureError: there is none.
    """
    looked = [side for side in sides if side.bundle.looked]
    if not looked:
        reasons = "; ".join(f"{side.image}: {_reason(side.record)}" for side in sides)
        raise NoCaptureError(
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
        if side.bundle.looked:
            table = measure(base, side.bundle, allowance)
            compared[side.image] = _Compared(side, side.bundle, table, table, {})
    moved = [image for image, one in compared.items() if not judge.same_start(one.start)]
    unbuilt = [s for s in others if not s.bundle.looked and s.bundle.building is not None]
    again = [*moved, *(side.image for side in unbuilt)]
    if again:
        found = rounds.imposed(again, reference.image)
        for image in moved:
            _check(rounds, image, IMPOSED, found[image])
            compared[image].bundle = found[image]
            compared[image].table = measure(base, found[image], allowance)
        for side in unbuilt:
            bundle = found[side.image]
            if bundle.looked and bundle.skipped:
                table = measure(base, bundle, allowance)
                compared[side.image] = _Compared(side, bundle, table, table, {})
    replay = Replay()
    for one in compared.values():
        replay |= judge.suspects(base, one.table)
    if replay:
        images = [reference.image, *compared]
        replayed = rounds.alone(images, reference.image, replay)
        for image, one in compared.items():
            _check(rounds, image, ALONE, replayed[image])
            one.spreads = {name: replayed[name].spread for name in (reference.image, image)}
            one.alone = measure_alone(
                replayed[reference.image], replayed[image], allowance, base, one.table
            )
    return compared


def _check(rounds: Rounds, image: str, repeat: int, found: Bundle) -> None:
    """Make sure that a further look came to its end: what it did not tell would be taken for none.

    Raises:
        EngineError: the cell was stopped by something that is not the script's doing.
    """
    if not found.looked:
        record = rounds.records[rounds.cell(image, repeat)]
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
    found += conclude.configured(base, known.bundle, reference.image, side.image)
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
    found = [
        _explained(rounds, reference, one, index < SCRIPTS)
        for index, one in enumerate(conclude.in_order(conclude.settled(found)))
    ]
    mad, classes = conclude.literature_of(base, known.bundle)
    phase = judge.phases_of(base)[0]
    return ImageTrace(
        image=side.image,
        findings=found,
        stages=conclude.summaries({**known.table, **trained}),
        profile=conclude.profile(base, {**known.table, **trained}),
        rates=rates(base, known.table, phase),
        d_mad=mad,
        d_class=classes,
        notes=[*_notes(reference, side), *_left_out(known), *_unsteady(known)],
    )


def _explained(rounds: Rounds, reference: Side, found: Finding, shown: bool) -> Finding:
    """Add a known cause and, if it is to be ``shown``, a minimal script, where there are."""
    if found.origin is not Origin.REAL:
        return found
    script = rounds.run.sources.script
    code = script.code.decode(errors="replace")
    cause = hints.hint(found, hints.about(found, reference.bundle, code))
    found = msgspec.structs.replace(found, hint=cause)
    name = re.sub(r"[^A-Za-z0-9_]+", "_", f"{found.kind.value}_{found.where}")[:80]
    written = minimal.write(found, reference.bundle, code, script.file, name) if shown else None
    if written is None:
        return found
    path = rounds.run.folder.path / SCRIPTS_FOLDER / f"{name}.py"
    write_atomically(path, written.text.encode())
    if written.data:
        write_atomically(path.with_suffix(".npz"), written.data)
    return msgspec.structs.replace(found, script=Minimal(str(path), written.text))


def _unsteady(known: _Compared) -> list[str]:
    return [
        f"{image} does not repeat itself: the optimizer's steps from the same gradients came out "
        f"up to {spread:.2g} apart"
        for image, spread in known.spreads.items()
        if spread > 0
    ]


def _left_out(known: _Compared) -> list[str]:
    if not known.bundle.skipped:
        return []
    names = ", ".join(known.bundle.skipped)
    text = "what comes after was compared from the reference's output of it, and no training"
    return [f"{known.side.image} cannot apply {names}: {text}"]


def _notes(reference: Side, side: Side) -> list[str]:
    both = {(f.stage, f.name) for f in reference.bundle.failed}
    return [
        f"skipped on both images: {f.name or 'the model'}, {WORDS.get(f.stage, f.stage)} "
        f"({f.error}: {brief(f.message)})"
        for f in side.bundle.failed
        if (f.stage, f.name) in both
    ]
