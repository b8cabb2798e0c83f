"""One trace from end to end: capture, compare, replay alone what differs, conclude."""

from dataclasses import dataclass, field

import keras_matrix
from keras_matrix.errors import EngineError, NoCaptureError, StoreError
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.folder import TRACE_FILE
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run.cell import folders
from keras_matrix.run.prepare import Images, OpenRun
from keras_matrix.run.session import RunResult
from keras_matrix.text import brief, listed
from keras_matrix.trace import attempts, conclude, judge, notes, training
from keras_matrix.trace.broken import ImageCapture, find_failures
from keras_matrix.trace.consequences import Consequences, Evidence
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explaining import Explainer
from keras_matrix.trace.finding import Finding, TraceStage
from keras_matrix.trace.judge import Replay
from keras_matrix.trace.literature import rates_of_change
from keras_matrix.trace.measure import (
    Measurements,
    coarsest_epsilon,
    measure,
    measure_inherited,
    measure_replays,
)
from keras_matrix.trace.result import ImageTrace, Trace
from keras_matrix.trace.rounding import Allowance
from keras_matrix.trace.rounds import CaptureRequest, Purpose, Rounds

MAX_NAMES = 8
"""The most names of models that a sentence lists."""
MAX_SCRIPTS_PER_IMAGE = 5
"""The most findings of an image that get a minimal script."""


@dataclass(frozen=True)
class TraceOptions:
    """What to trace, and with which tolerance.

    ``keep_arrays`` keeps all that was captured in the run folder; ``prove`` tries the causes that
    are known.
    """

    capture: CaptureRequest
    allowance: Allowance
    keep_arrays: bool
    prove: bool = True


@dataclass(frozen=True)
class TraceResult(RunResult):
    """The records of a trace's cells, and what they show."""

    trace: Trace


@dataclass
class _MeasuredImage:
    """What was measured of one image so far, compared with the reference.

    ``start`` was measured from the image's own weights and batch; ``capture`` and ``measurements``
    are those from the reference's, if its own differ. ``step_spreads`` are how far repetitions of
    the same optimizer steps came out apart, by image.
    """

    first: ImageCapture
    capture: Capture
    start: Measurements
    measurements: Measurements
    replays: Measurements = field(default_factory=dict)
    inherited: Measurements = field(default_factory=dict)
    step_spreads: dict[str, float] = field(default_factory=dict)


def trace(options: TraceOptions, run: OpenRun, images: Images) -> TraceResult:
    """Trace a script's model on images: run cells, compare, and run again what differs.

    Raises:
        KerasMatrixError: whatever prevents or stops the trace.
    """
    rounds = Rounds(run, images, options.capture)
    try:
        with rounds.running():
            result = examine(options, rounds)
        write_atomically(run.folder.path / TRACE_FILE, to_json(result))
    except UnreadableError as error:
        raise StoreError(
            f"What a cell captured of its model is damaged ({error}); trace again."
        ) from error
    finally:
        if not options.keep_arrays:
            folders.remove(rounds.folder)
    return TraceResult(run.folder, tuple(rounds.records.values()), last=True, trace=result)


def examine(options: TraceOptions, rounds: Rounds) -> Trace:
    """Run the rounds that a script's differences call for, and conclude.

    Raises:
        KerasMatrixError: whatever prevents or stops the trace.
        UnreadableError: an array that a cell captured cannot be read.
    """
    plan = rounds.run.plan
    settled = attempts.settle(rounds, rounds.capture())
    firsts = settled.firsts
    reference = _choose_reference(firsts, options.capture.model)
    others = [first for first in firsts if first is not reference]
    measured = _measure_images(options, rounds, reference, others)
    explainer = Explainer(rounds, reference, options.prove)
    images = []
    for other in others:
        unsteady = {reference.image, other.image} & settled.unsteady
        failures = [] if unsteady else find_failures(reference, other)
        remarks = settled.remarks(reference.image, other.image)
        if other.image in measured:
            image = measured[other.image]
            images.append(
                _conclude(options, rounds, reference, image, failures, explainer, remarks)
            )
        else:
            # Nothing could be measured, so all failures are shown with a script.
            evidence = Evidence(
                capture=reference.capture,
                measurements={},
                fails=reference.ok != other.ok,
                complete=False,
                epsilon=coarsest_epsilon(reference.capture),
            )
            failures = Consequences(evidence, failures).attach(failures)
            findings = [
                explainer.explain(other, finding, with_script=True)
                for finding in conclude.in_verdict_order(failures)
            ]
            images.append(ImageTrace(image=other.image, findings=findings, notes=remarks))
    return Trace(
        tool=f"keras-matrix {keras_matrix.__version__}",
        run=rounds.run.folder.name,
        model=plan.model,
        reference=reference.image,
        layers=len(reference.capture.nodes),
        still=list(reference.capture.disabled),
        seconds={first.image: first.record.timing.run for first in firsts},
        failed={first.image: _reason(first.record) for first in firsts if not first.ok},
        images=explainer.prove(images),
    )


def _choose_reference(firsts: list[ImageCapture], name: str | None) -> ImageCapture:
    """Return the first image that captured a model, preferably one whose script succeeded.

    ``name`` is that of the model to trace, None for the first that trains.

    Raises:
        NoCaptureError: no image captured a model.
    """
    reference = attempts.choose_reference(firsts)
    if reference is None:
        if name is not None and all(first.ok for first in firsts):
            raise NoCaptureError(_no_such_model(name, firsts))
        reasons = "; ".join(f"{first.image}: {_reason(first.record)}" for first in firsts)
        raise NoCaptureError(
            f"The script reached a model's first training call on no image, so there is nothing to "
            f"trace ({reasons}); run the script with 'keras-matrix run' first."
        )
    return reference


def _no_such_model(name: str, firsts: list[ImageCapture]) -> str:
    """Return that the script trains no model of a name, and which models it trains."""
    calls = (call for first in firsts for call in first.record.observation.calls)
    trained = list(dict.fromkeys(call.model for call in calls if call.kind == "fit"))
    if not trained:
        return f"The script trains no model named {name!r}, nor any other."
    names = listed(trained, MAX_NAMES)
    return f"The script trains no model named {name!r}; choose one of {names} with --model."


def _reason(record: Record) -> str:
    if record.outcome is Outcome.OK:
        return "the script trains no model with fit or train_on_batch"
    return brief(record.reason).rstrip(".")


def _measure_images(
    options: TraceOptions, rounds: Rounds, reference: ImageCapture, others: list[ImageCapture]
) -> dict[str, _MeasuredImage]:
    """Measure each image against the reference, and replay what differs."""
    base, allowance = reference.capture, options.allowance
    measured = {}
    for other in others:
        if other.capture.complete:
            start = measure(base, other.capture, allowance)
            measured[other.image] = _MeasuredImage(other, other.capture, start, start)
    other_start = [name for name, image in measured.items() if not judge.same_start(image.start)]
    unbuilt = [o for o in others if not o.capture.complete and o.capture.unbuilt is not None]
    if other_start or unbuilt:
        images = [*other_start, *(other.image for other in unbuilt)]
        captures = rounds.capture_imposed(images, reference.image)
        for name in other_start:
            imposed = _complete(rounds, name, Purpose.IMPOSED, captures[name])
            measured[name].capture = imposed
            measured[name].measurements = measure(base, imposed, allowance)
        for other in unbuilt:
            capture = captures[other.image]
            if capture.complete and capture.skipped:
                start = measure(base, capture, allowance)
                measured[other.image] = _MeasuredImage(other, capture, start, start)
    replay = Replay()
    for image in measured.values():
        replay |= judge.plan_replay(base, image.measurements)
    if replay:
        captures = rounds.replay([reference.image, *measured], reference.image, replay)
        captures = {
            name: _complete(rounds, name, Purpose.REPLAY, capture)
            for name, capture in captures.items()
        }
        for name, image in measured.items():
            image.step_spreads = {n: captures[n].step_spread for n in (reference.image, name)}
            image.replays = measure_replays(
                captures[reference.image], captures[name], allowance, base, image.measurements
            )
            image.inherited = measure_inherited(
                (base, image.capture),
                (captures[reference.image], captures[name]),
                image.measurements,
            )
    return measured


def _complete(rounds: Rounds, image: str, purpose: Purpose, capture: Capture) -> Capture:
    """Return a further capture, made again if it is not complete.

    What it lacks would pass as no difference.

    Raises:
        EngineError: something other than the script stopped the cell twice.
    """
    if not capture.complete:
        capture = rounds.again([image], purpose)[image]
    if not capture.complete:
        record = rounds.records[rounds.cell(image, purpose)]
        raise EngineError(
            f"A second capture of the model on {image} was cut off twice although the first "
            f"succeeded ({brief(record.reason)}); trace again, with more --memory or --timeout if "
            "they were too small."
        )
    return capture


def _conclude(
    options: TraceOptions,
    rounds: Rounds,
    reference: ImageCapture,
    image: _MeasuredImage,
    failures: list[Finding],
    explainer: Explainer,
    remarks: list[str],
) -> ImageTrace:
    base, first = reference.capture, image.first
    configured = conclude.find_configuration_differences(
        base, image.capture, reference.image, first.image
    )
    findings = [
        *failures,
        *conclude.of_stage(TraceStage.WEIGHTS, judge.judge_start(base, image.start)),
        *configured,
        *conclude.find_differences(base, image.measurements, image.replays),
    ]
    findings = conclude.inherit_build_failures(findings)
    trains = options.capture.training and reference.ok and first.ok
    trained = _measure_training(options, rounds, reference, first) if trains else {}
    consequences = Consequences(
        Evidence(
            capture=base,
            measurements=image.measurements,
            replays=image.replays,
            inherited=image.inherited,
            start=image.start,
            trained=trained,
            fails=reference.ok != first.ok,
            complete=conclude.is_complete(base, image.capture, image.measurements),
            epsilon=coarsest_epsilon(base, image.capture),
        ),
        findings,
    )
    after = training.judge_training(base, trained, consequences.explain)
    findings += conclude.of_stage(TraceStage.TRAINING, after)
    findings = conclude.in_verdict_order(consequences.attach(findings))
    d_mad, d_class = conclude.literature_distances(base, image.capture)
    measurements = {**image.measurements, **trained}
    return ImageTrace(
        image=first.image,
        findings=[
            explainer.explain(first, finding, with_script=index < MAX_SCRIPTS_PER_IMAGE)
            for index, finding in enumerate(findings)
        ],
        stages=conclude.summarize_stages(measurements),
        profile=conclude.profile_layers(base, measurements),
        rates=rates_of_change(base, image.measurements, judge.learning_phases(base)[0]),
        d_mad=d_mad,
        d_class=d_class,
        notes=[
            *notes.shared_failures(base, first.capture),
            *notes.skipped_layers(first.image, image.capture),
            *notes.unsteady_steps(image.step_spreads),
            *notes.without_noise_floor(lacking=trains and not trained),
            *remarks,
        ],
    )


def _measure_training(
    options: TraceOptions, rounds: Rounds, reference: ImageCapture, first: ImageCapture
) -> Measurements:
    """Measure what the whole training came to on two images on which it ended.

    Without a noise floor nothing is measured: it could be chaos.
    """
    base = reference.capture
    epsilon = coarsest_epsilon(base, first.capture)
    nudged = [(own, rounds.read(own.image, Purpose.NUDGED)) for own in (reference, first)]
    if not any(moved.arrays for _, moved in nudged):
        return {}
    weights = training.measure_trained_weights(
        base,
        first.capture,
        [(own.capture, moved) for own, moved in nudged if moved.arrays],
        training.count_updates(reference.record),
        options.allowance,
        epsilon,
    )
    records = [
        (own.record, rounds.records[rounds.cell(own.image, Purpose.NUDGED)])
        for own in (reference, first)
    ]
    curves = training.measure_curves(
        (reference.record, first.record), records, options.allowance, epsilon
    )
    return {**weights, **curves}
