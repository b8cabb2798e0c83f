"""Explain findings: the causes that fit, a script that shows each, and trials of the causes."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from keras_matrix.errors import InterruptedRunError, KerasMatrixError
from keras_matrix.plan.contract import TrialRequest
from keras_matrix.records.files import write_atomically
from keras_matrix.records.record import Record
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.text import brief
from keras_matrix.trace.broken import ImageCapture
from keras_matrix.trace.cause import CauseStatus
from keras_matrix.trace.dump import Capture
from keras_matrix.trace.explain import causes, minimal, trials
from keras_matrix.trace.explain.situation import Situation, Stack
from keras_matrix.trace.explain.trials import Trial, TriedFinding
from keras_matrix.trace.finding import Finding, MinimalScript, Origin
from keras_matrix.trace.result import ImageTrace
from keras_matrix.trace.rounds import Purpose, Rounds

MAX_CASES = 5
"""The most findings of a trace whose causes are tried."""
MAX_REFEREED = 2
"""The most findings of a trace that are computed in float64: Theano compiles all of it anew."""
MAX_SCRIPT_NAME_CHARACTERS = 80
SCRIPTS_FOLDER = "scripts"

FindingKey = tuple[str, str, str, str]
"""What tells a finding from the others of a trace: image, kind, place, and what differs."""


@dataclass
class Explainer:
    """Explains a trace's findings, then tries the causes of the first of them.

    ``proves`` tells whether causes are tried.
    """

    rounds: Rounds
    reference: ImageCapture
    proves: bool
    _cases: dict[FindingKey, TriedFinding] = field(default_factory=dict)
    _data: dict[str, bytes] = field(default_factory=dict)
    _names: dict[FindingKey, str] = field(default_factory=dict)
    _kinds: set[tuple[object, ...]] = field(default_factory=set)

    def explain(self, other: ImageCapture, finding: Finding, *, with_script: bool) -> Finding:
        """Add the likeliest cause of a real finding, and a minimal script if possible."""
        if finding.origin is not Origin.REAL:
            return finding
        sources = self.rounds.run.sources.script
        code = sources.code.decode(errors="replace")
        situation = Situation(
            finding=finding,
            capture=self.reference.capture,
            stack=stack_of(self.reference),
            other=other.capture,
            other_stack=stack_of(other),
            script=code,
        ).of_inner_layer()
        fitting = causes.fitting(situation)
        hint = fitting[0].hint(situation) if fitting else None
        finding = msgspec.structs.replace(finding, hint=hint)
        if not with_script:
            return finding
        name = re.sub(r"[^A-Za-z0-9_]+", "_", f"{finding.kind.value}_{finding.where}")
        name = name[:MAX_SCRIPT_NAME_CHARACTERS]
        written = minimal.write_script(finding, situation.capture, code, sources.file, name)
        if written is None:
            return finding
        path = self.rounds.run.folder.path / SCRIPTS_FOLDER / f"{name}.py"
        write_atomically(path, written.text.encode())
        if written.data:
            write_atomically(path.with_suffix(".npz"), written.data)
        key = _key(other.image, finding)
        kind = (other.image, finding.kind.value, finding.layer, hint.text if hint else key)
        if len(self._cases) < MAX_CASES and kind not in self._kinds:
            # Of findings that look alike, the trial of one is enough.
            self._kinds.add(kind)
            self._cases[key] = TriedFinding(situation, tuple(fitting), written.text)
            self._names[key] = name
            self._data[name] = written.data
        return msgspec.structs.replace(finding, script=MinimalScript(str(path), written.text))

    def prove(self, images: list[ImageTrace]) -> list[ImageTrace]:
        """Try the causes of the findings that have a script; return the images with what came out.

        If the trials cannot be run, the causes remain possible, and a note says why.
        """
        planned = [
            (key, trial)
            for index, (key, case) in enumerate(self._cases.items())
            for trial in trials.plan_trials(case, with_referee=index < MAX_REFEREED)
        ]
        if not self.proves or not planned:
            return images
        names = list(dict.fromkeys([self.reference.image, *(key[0] for key, _ in planned)]))
        try:
            captures = self.rounds.run_trials(names, *self._scripts(planned))
            return [self._proven(image, planned, captures) for image in images]
        except InterruptedRunError:
            raise
        except (KerasMatrixError, UnreadableError) as error:
            note = f"the causes were not tried: {error}"
            return [msgspec.structs.replace(i, notes=[*i.notes, note]) for i in images]

    def _scripts(
        self, planned: list[tuple[FindingKey, Trial]]
    ) -> tuple[Mapping[str, bytes], list[TrialRequest]]:
        """Return the files to try, and the requests in the order of the plan."""
        files = {f"{name}.npz": data for name, data in self._data.items() if data}
        requests = []
        for number, (key, trial) in enumerate(planned):
            name = f"{number}_{self._names[key]}.py"
            files[name] = trial.text.encode()
            steps = self.rounds.capture_request.steps
            requests.append(TrialRequest(name, trial.stage.value, trial.double, max(1, steps)))
        return files, requests

    def _proven(
        self,
        image: ImageTrace,
        planned: list[tuple[FindingKey, Trial]],
        captures: Mapping[str, Capture],
    ) -> ImageTrace:
        """Return an image's findings with what the trials came to."""
        mine, other = captures[self.reference.image], captures.get(image.image)
        if other is None:
            return image
        notes = list(self._cut_off([self.reference.image, image.image], captures))
        if notes:
            return msgspec.structs.replace(image, notes=[*image.notes, *notes])
        results: dict[FindingKey, list[tuple[Trial, trials.Results]]] = {}
        for number, (key, trial) in enumerate(planned):
            results.setdefault(key, []).append((trial, (number, mine, other)))
        findings = [
            _concluded(finding, self._cases[key], results[key]) if key in results else finding
            for finding in image.findings
            for key in [_key(image.image, finding)]
        ]
        return msgspec.structs.replace(image, findings=findings)

    def _cut_off(self, images: list[str], captures: Mapping[str, Capture]) -> Iterator[str]:
        for image in images:
            if not captures[image].complete:
                record: Record = self.rounds.records[self.rounds.cell(image, Purpose.TRIAL)]
                reason = brief(record.reason).rstrip(".")
                yield f"the causes were not tried: the trials on {image} were cut off ({reason})"


def stack_of(image: ImageCapture) -> Stack:
    """Return what an image runs, as its first cell recorded it."""
    environment = image.record.observation.environment
    if environment is None:
        return Stack(image.image, "")
    packages = {**environment.packages, "keras": environment.keras}
    return Stack(image.image, environment.backend, packages)


def _key(image: str, finding: Finding) -> FindingKey:
    return image, finding.kind.value, finding.where, finding.what


def _concluded(
    finding: Finding, case: TriedFinding, results: list[tuple[Trial, trials.Results]]
) -> Finding:
    hints, referee = trials.conclude(case, results)
    told = [hint for hint in hints if hint.status is not CauseStatus.REFUTED]
    refuted = [hint for hint in hints if hint.status is CauseStatus.REFUTED]
    return msgspec.structs.replace(
        finding, hint=told[0] if told else None, refuted=refuted, referee=referee
    )
