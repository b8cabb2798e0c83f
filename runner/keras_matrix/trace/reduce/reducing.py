"""One reduction from end to end: trace, choose the finding, write the whole model, shrink it."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import keras_matrix
from keras_matrix.errors import (
    ConfigurationError,
    InterruptedRunError,
    NotShownError,
    StoreError,
)
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.request import RunRequest
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run import prepare
from keras_matrix.run.progress import Progress
from keras_matrix.text import brief, plural, relative
from keras_matrix.trace import dump, session, training
from keras_matrix.trace.finding import Finding, FindingKind
from keras_matrix.trace.reduce import bench
from keras_matrix.trace.reduce.bench import Bench, BenchOptions, EarlierCode
from keras_matrix.trace.reduce.model import Candidate
from keras_matrix.trace.reduce.progress import StepsOnly
from keras_matrix.trace.reduce.search import (
    Answer,
    AttemptVerdict,
    SearchEnd,
    SearchOutcome,
    Step,
    search,
)
from keras_matrix.trace.reduce.state import AcceptedStep, Neighbour, Reduction, State
from keras_matrix.trace.reduce.steps import Shown, propose
from keras_matrix.trace.reduce.store import AGREES, SMALLEST, ReductionFolder, title_of
from keras_matrix.trace.reduce.target import target_of
from keras_matrix.trace.reduce.whole import NotWritableError, take_over
from keras_matrix.trace.reduce.writing import TracedScript
from keras_matrix.trace.result import Trace
from keras_matrix.trace.rounding import Allowance
from keras_matrix.trace.rounds import CaptureRequest, Purpose

MAX_UPDATES = 1000
"""The most updates that a written script makes; it has one batch, so each epoch is one."""
MAX_REASONS = 20
"""The most reasons for unresolved attempts that are kept."""


@dataclass(frozen=True)
class Beginning:
    """A reduction that has just begun, or is resumed: its state and the smallest script so far."""

    state: State
    candidate: Candidate
    compiled: EarlierCode | None = None


@dataclass(frozen=True)
class ReductionPlace:
    """What is alive while a reduction runs."""

    progress: Progress
    interrupts: Interrupts


def begin(
    request: RunRequest,
    capture: CaptureRequest,
    allowance: Allowance,
    finding: str,
    options: dict[str, Any],
    place: ReductionPlace,
) -> Beginning | None:
    """Trace a script and take over its model; return None if nothing differs.

    ``finding`` is ``KIND`` or ``KIND@PLACE``, empty for the first; ``options`` are those of the
    cells, to resume with.

    Raises:
        ConfigurationError: there is no such finding.
        NotShownError: the model cannot be written as a script.
        KerasMatrixError: whatever prevents or stops the trace.
    """
    check_kind(finding)
    sources = prepare.load(request)
    planned = prepare.plan(request, sources)
    with prepare.opened(request, sources, planned, place.progress, place.interrupts) as run:
        images = prepare.build(run)
        traced = session.TraceOptions(capture, allowance, keep_arrays=True, prove=False)
        result = session.trace(traced, run, images)
        compiled = EarlierCode.of(run, images)
    found = choose(result.trace, finding)
    if found is None:
        return None
    image, chosen = found
    reference = result.trace.reference
    record = next(
        r for r in result.records if (r.cell.image, r.cell.repeat) == (reference, Purpose.FIRST)
    )
    try:
        captured = dump.read(result.folder.path / "trace" / record.cell.id)
        target = target_of(chosen, image, captured)
        candidate = take_over(captured, target, _updates(record))
    except NotWritableError as error:
        raise NotShownError(
            f"The model cannot be written as a script of its own ({error}), so it cannot be "
            "reduced; the trace's own report has the finding."
        ) from error
    except UnreadableError as error:
        raise StoreError(f"What a cell captured is damaged ({error}); reduce again.") from error
    script = sources.script
    state = State(
        tool=f"keras-matrix {keras_matrix.__version__}",
        file=script.file,
        code=script.code.decode(errors="replace"),
        options=options,
        reference=reference,
        target=target,
        atol=allowance.atol,
        rtol=allowance.rtol,
        model=candidate.model,
        original=candidate.size,
    )
    return Beginning(state, candidate, compiled)


def _updates(record: Record) -> int:
    return int(min(MAX_UPDATES, training.count_updates(record)))


def check_kind(finding: str) -> None:
    """Check the kind of a named finding before the trace, which takes minutes.

    Raises:
        ConfigurationError: there is no such kind.
    """
    kind = finding.partition("@")[0]
    kinds = [one.value for one in FindingKind]
    if finding and kind not in kinds:
        raise ConfigurationError(
            f"There is no kind of finding {brief(kind)!r}; --finding takes one of "
            f"{', '.join(kinds)}, with @PLACE or without."
        )


def choose(trace: Trace, finding: str) -> tuple[str, Finding] | None:
    """Return the finding to reduce, with its image; None if nothing differs.

    Raises:
        ConfigurationError: the named one is not there.
    """
    real = [(image.image, one) for image in trace.images for one in image.real]
    counting = [(image.image, one) for image in trace.images for one in image.counting]
    if not real or not finding:
        return next(iter(counting or real), None)
    kind, _, where = finding.partition("@")
    for image, one in real:
        if one.kind.value == kind and where in ("", one.where):
            return image, one
    names = ", ".join(f"{one.kind.value}@{one.where}" for _, one in real[:10])
    raise ConfigurationError(
        f"The trace has no finding {brief(finding)!r} that differs by itself; it has {names}."
    )


def reduce(
    beginning: Beginning,
    request: RunRequest,
    folder: ReductionFolder,
    minutes: float,
    place: ReductionPlace,
) -> Reduction:
    """Shrink the script until no single step leaves the finding, or the budget is used up.

    Raises:
        NotShownError: the written script does not show the finding.
        KerasMatrixError: whatever stops the reduction; what was reached is on disk.
    """
    state = beginning.state
    options = BenchOptions(
        target=state.target,
        reference=state.reference,
        allowance=Allowance(state.atol, state.rtol),
        origin=TracedScript(state.code, state.file),
        title=title_of(state),
    )
    quiet = StepsOnly(place.progress)
    try:
        with bench.opened(
            request, options, folder.path, quiet, place.interrupts, beginning.compiled
        ) as open_bench:
            return _Reducer(state, folder, open_bench, place.progress).run(
                beginning.candidate, minutes
            )
    except InterruptedRunError as error:
        if not folder.script(SMALLEST).exists():
            raise
        raise type(error)(
            f"Interrupted; the smallest script so far is {relative(folder.script(SMALLEST))}, and "
            f"'keras-matrix reduce --resume {relative(folder.path)}' continues."
        ) from None


class _Reducer:
    """A reduction while it runs: tries steps, and writes what came of them."""

    def __init__(
        self, state: State, folder: ReductionFolder, open_bench: Bench, progress: Progress
    ) -> None:
        self._state = state
        self._folder = folder
        self._bench = open_bench
        self._progress = progress
        self._origin = open_bench.options.origin
        self._began = time.monotonic()
        self._counted = self._began

    def run(self, candidate: Candidate, minutes: float) -> Reduction:
        answer, smallest = self._bench.attempt(Step("as a whole", Shown(candidate)))
        if answer.verdict is not AttemptVerdict.SHOWS:
            raise NotShownError(_why_not_shown(answer))
        self._say(f"the whole script shows it: {_size_in_words(smallest.candidate)}")
        if not self._state.steps:
            self._folder.accept(self._state, candidate, smallest.candidate, self._origin)
        ends = self._began + minutes * 60
        outcome = search(
            smallest,
            lambda shown: propose(shown, self._state.target),
            self._attempt,
            self._state.memory,
            accepted=self._accept,
            spent=lambda: time.monotonic() >= ends,
        )
        self._tidy(outcome.smallest)
        return self._finish(outcome)

    def _attempt(self, step: Step[Shown]) -> tuple[Answer, Shown]:
        answer, shown = self._bench.attempt(step)
        state = self._state
        state.attempts += 1
        now = time.monotonic()
        state.seconds += now - self._counted
        self._counted = now
        shows = answer.verdict is AttemptVerdict.SHOWS
        reason = f" ({answer.reason})" if answer.reason else ""
        size = f": {_size_in_words(shown.candidate)}" if shows else ""
        self._say(f"{state.attempts}. {step.words}: {answer.verdict.value}{reason}{size}")
        if not shows:
            state.memory[step.result.digest] = answer
            self._folder.save(state)
        return answer, shown

    def _accept(self, step: Step[Shown], result: Shown) -> None:
        self._state.steps.append(AcceptedStep(step.words, result.candidate.size))
        self._state.untidy = step.result.candidate.model.cropped
        self._folder.accept(self._state, step.result.candidate, result.candidate, self._origin)

    def _tidy(self, smallest: Shown) -> None:
        """Write the weights as they are instead of cropping them, if that shows the finding."""
        if not self._state.untidy:
            return
        answer, _ = self._bench.attempt(Step("with the weights as cropped", smallest))
        if answer.verdict is AttemptVerdict.SHOWS:
            self._state.untidy = False
            candidate = smallest.candidate
            self._folder.accept(self._state, candidate, candidate, self._origin)

    def _finish(self, outcome: SearchOutcome[Shown]) -> Reduction:
        state = self._state
        agreeing = [
            step
            for step in propose(outcome.smallest, state.target)
            if (answer := state.memory.get(step.result.digest)) is not None
            and answer.verdict is AttemptVerdict.AGREES
        ]
        reduction = Reduction(
            tool=state.tool,
            file=state.file,
            reference=state.reference,
            target=state.target,
            script=str(self._folder.script(SMALLEST)),
            text=self._folder.script(SMALLEST).read_text(),
            original=state.original,
            size=outcome.smallest.candidate.size,
            steps=state.steps,
            attempts=state.attempts,
            seconds=round(state.seconds, 1),
            minimal=outcome.end is SearchEnd.MINIMAL,
            tried=outcome.tried,
            single_steps=outcome.steps,
            agreeing=[step.words for step in agreeing],
            neighbour=self._neighbour(agreeing),
            unresolved=_reasons(state.memory),
        )
        self._folder.finish(reduction)
        return reduction

    def _neighbour(self, agreeing: list[Step[Shown]]) -> Neighbour | None:
        """Write the largest script that agrees, one step from the smallest that differs."""
        if not agreeing:
            return None
        step = max(agreeing, key=lambda one: one.result.candidate.size)
        candidate = step.result.candidate
        title = f"Agrees, unlike {SMALLEST}.py: {step.words}. {title_of(self._state)}"
        self._folder.write_script(AGREES, candidate, self._origin, title)
        return Neighbour(step.words, candidate.size, str(self._folder.script(AGREES)))

    def _say(self, text: str) -> None:
        self._progress.step(text)


def _why_not_shown(answer: Answer) -> str:
    """Return why the whole script does not do; only one that agrees lacks something."""
    reason = f": {answer.reason}" if answer.reason else ""
    lacks = (
        "it takes something that is not written, such as data after the first batch"
        if answer.verdict is AttemptVerdict.AGREES
        else "the trace's own report has the finding"
    )
    return (
        "The script that was written of the whole model does not show the finding "
        f"({answer.verdict.value}{reason}); {lacks}."
    )


def _reasons(memory: dict[str, Answer]) -> dict[str, int]:
    counts = Counter(a.reason for a in memory.values() if a.verdict is AttemptVerdict.UNRESOLVED)
    return dict(counts.most_common(MAX_REASONS))


def _size_in_words(candidate: Candidate) -> str:
    size = candidate.size
    return f"{plural(size.layers, 'layer')}, {plural(size.samples, 'sample')}"
