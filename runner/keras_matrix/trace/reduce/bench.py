"""Try written scripts, one after the other, in fresh cells of containers that stay open.

The script's file is replaced between attempts; each cell is a process of its own that has seen no
other script.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from keras_matrix.errors import EngineError, NoCaptureError, StoreError
from keras_matrix.interrupts import Interrupts
from keras_matrix.load.request import RunRequest
from keras_matrix.records import cache
from keras_matrix.records.files import write_atomically
from keras_matrix.records.record import Outcome
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.run import prepare
from keras_matrix.run.cell.compiled_code import CompiledFor, CompiledStore
from keras_matrix.run.prepare import Images, OpenRun
from keras_matrix.run.progress import Progress
from keras_matrix.text import brief
from keras_matrix.trace import dump, session
from keras_matrix.trace.broken import ImageCapture, find_failures
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from keras_matrix.trace.reduce.model import Candidate
from keras_matrix.trace.reduce.search import Answer, AttemptVerdict, Step
from keras_matrix.trace.reduce.steps import Shown
from keras_matrix.trace.reduce.target import ReductionTarget
from keras_matrix.trace.reduce.whole import NotWritableError, record_again
from keras_matrix.trace.reduce.writing import TracedScript, write
from keras_matrix.trace.result import Trace
from keras_matrix.trace.rounding import Allowance
from keras_matrix.trace.rounds import CaptureRequest, Purpose, Rounds

CANDIDATE = "reduced"
"""The name of the script that is tried, without its suffix."""
INFRASTRUCTURE = (Outcome.ENGINE_ERROR, Outcome.LIMIT_NOT_APPLIED, Outcome.MISMATCH)
"""Outcomes that say nothing of the script."""


@dataclass(frozen=True, kw_only=True)
class BenchOptions:
    """What is tried, and how; ``title`` is the first line of each script."""

    target: ReductionTarget
    reference: str
    allowance: Allowance
    origin: TracedScript
    title: str


@dataclass
class Bench:
    """Tries candidates; what the reference captured of the last one that shows it is kept."""

    options: BenchOptions
    rounds: Rounds
    folder: Path
    kept: Path

    def attempt(self, step: Step[Shown]) -> tuple[Answer, Shown]:
        """Try a step; return what came of it, and the candidate with what was captured.

        Raises:
            KerasMatrixError: the engine or the disk fails, or a stop was requested.
        """
        candidate = step.result.candidate
        try:
            script = write(candidate, self.options.origin, self.options.title, f"{CANDIDATE}.npz")
        except NotWritableError as error:
            return Answer(AttemptVerdict.UNRESOLVED, str(error)), step.result
        self._place(script.text, script.data)
        self.rounds.restart()
        try:
            with _damage_explained():
                findings, captured = self._findings()
        except NoCaptureError as error:
            return Answer(AttemptVerdict.UNRESOLVED, brief(str(error))), step.result
        self._check_records()
        answer = self._judge(candidate, findings)
        if answer.verdict is not AttemptVerdict.SHOWS:
            return answer, step.result
        capture = self._keep(captured.image)
        shown = Shown(
            record_again(candidate, capture) if candidate.model.cropped else candidate, capture
        )
        return answer, shown

    def _place(self, text: str, data: bytes) -> None:
        """Put a script where the cells read it; the folder is mounted, so it stays the same."""
        data_file = self.folder / f"{CANDIDATE}.npz"
        if data:
            write_atomically(data_file, data)
        else:
            data_file.unlink(missing_ok=True)
        write_atomically(self.folder / f"{CANDIDATE}.py", text.encode())

    def _findings(self) -> tuple[list[Finding], ImageCapture]:
        """Run the rounds that the kind of finding needs; return what they show.

        Raises:
            NoCaptureError: no image reached the training.
        """
        target = self.options.target
        if target.kind is FindingKind.BUILD:
            return self._failures()
        options = session.TraceOptions(
            capture=self.rounds.capture_request,
            allowance=self.options.allowance,
            keep_arrays=True,
            prove=False,
        )
        trace: Trace = session.examine(options, self.rounds)
        image = next((i for i in trace.images if i.image == target.image), None)
        reference = self._first(trace.reference)
        if image is None:
            # The other image became the reference: this one's script failed.
            return [finding for one in trace.images for finding in one.findings], reference
        return image.findings, reference

    def _failures(self) -> tuple[list[Finding], ImageCapture]:
        self.rounds.capture()
        reference, other = (
            self._first(self.options.reference),
            self._first(self.options.target.image),
        )
        if not reference.capture.complete:
            raise NoCaptureError(f"{reference.image}: {reference.record.reason}")
        return find_failures(reference, other), reference

    def _first(self, image: str) -> ImageCapture:
        record = self.rounds.records[self.rounds.cell(image, Purpose.FIRST)]
        return ImageCapture(image, self.rounds.read(image, Purpose.FIRST), record)

    def _check_records(self) -> None:
        """Check that the engine ran all cells: what it did not run shows nothing.

        Raises:
            EngineError: it did not.
        """
        for record in self.rounds.records.values():
            if record.outcome in INFRASTRUCTURE:
                raise EngineError(
                    f"The cell {record.cell.id} was not run ({brief(record.reason)}); "
                    "continue with --resume once the engine is well."
                )

    def _judge(self, candidate: Candidate, findings: list[Finding]) -> Answer:
        layers = [layer.name for layer in candidate.model.layers]
        if any(self.options.target.is_shown_by(finding, layers) for finding in findings):
            return Answer(AttemptVerdict.SHOWS)
        failed = [r for r in self.rounds.records.values() if r.outcome is not Outcome.OK]
        real = [finding for finding in findings if finding.origin is Origin.REAL]
        if real:
            other = f"{real[0].kind.value}, {real[0].where}"
            verdict = AttemptVerdict.UNRESOLVED if failed else AttemptVerdict.OTHER
            return Answer(verdict, brief(real[0].message or other))
        if failed:
            return Answer(AttemptVerdict.UNRESOLVED, brief(failed[0].reason))
        return Answer(AttemptVerdict.AGREES)

    def _keep(self, image: str) -> Capture:
        """Keep the reference's capture until another candidate shows the finding."""
        shutil.rmtree(self.kept, ignore_errors=True)
        source = self.rounds.folder / self.rounds.cell(image, Purpose.FIRST).id
        shutil.move(source, self.kept)
        with _damage_explained():
            return dump.read(self.kept)


@contextmanager
def _damage_explained() -> Iterator[None]:
    """Say what to do about a capture that cannot be read.

    Raises:
        StoreError: it cannot.
    """
    try:
        yield
    except UnreadableError as error:
        raise StoreError(
            f"What a cell captured of its model is damaged ({error}); reduce again with --resume."
        ) from error


@contextmanager
def opened(
    request: RunRequest,
    options: BenchOptions,
    folder: Path,
    progress: Progress,
    interrupts: Interrupts,
    seed: "EarlierCode | None" = None,
) -> Iterator[Bench]:
    """Open a bench below ``folder``; the code that ``seed`` was compiled to is given to its cells.

    Raises:
        KerasMatrixError: the engine or the disk fails.
    """
    work = folder / "attempts"
    shutil.rmtree(work, ignore_errors=True)
    place = work / "script"
    place.mkdir(parents=True)
    place.chmod(0o755)
    write_atomically(place / f"{CANDIDATE}.py", b"# The scripts that are tried lie here.\n")
    images = (options.reference, options.target.image)
    own = replace(
        request, target=place / f"{CANDIDATE}.py", on=images, run=str(work / "run"), data=None
    )
    sources = prepare.load(own)
    try:
        with prepare.opened(own, sources, prepare.plan(own, sources), progress, interrupts) as run:
            built = prepare.build(run)
            if seed is not None:
                seed.give(run, built)
            target = options.target
            follows = target.kind in (FindingKind.UPDATE, FindingKind.NAN, FindingKind.BUILD)
            # A finding of the optimizer needs the steps that the first trace followed.
            steps = CaptureRequest.steps if follows else 0
            capture = CaptureRequest(steps=steps, training=target.trains)
            rounds = Rounds(run, built, capture)
            with rounds.running():
                yield Bench(options, rounds, place, work / "shown")
    finally:
        shutil.rmtree(work, ignore_errors=True)


@dataclass(frozen=True)
class EarlierCode:
    """What the cells of another run compiled, by image: a good part of it serves again."""

    keys: dict[str, CompiledFor]

    @classmethod
    def of(cls, run: OpenRun, images: Images) -> "EarlierCode":
        """Return what the cells of an open run compile."""
        return cls(_keys(run, images))

    def give(self, run: OpenRun, images: Images) -> None:
        """Give this code to the cells of another run."""
        store = CompiledStore(cache.root() / cache.COMPILED)
        for image, key in _keys(run, images).items():
            if image in self.keys and not store.has(key):
                target = run.folder.work / f"compiled-{image}"
                try:
                    store.restore(self.keys[image], target)
                    store.keep(key, target)
                except (OSError, StoreError) as error:
                    run.lost.unusable(error)
                finally:
                    shutil.rmtree(target, ignore_errors=True)


def _keys(run: OpenRun, images: Images) -> dict[str, CompiledFor]:
    task = run.task(images)
    keys: dict[str, CompiledFor] = {}
    for cell in run.selected:
        key = task.compiled_for(cell.group, run.machine.cpu)
        if key is not None and run.digests is not None:
            keys[cell.image] = key
    return keys
