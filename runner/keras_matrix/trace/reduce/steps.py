"""What can be tried next: smaller candidates, large cuts first, single steps last. Pure.

What comes after the place is cut, what comes before it is replaced by its recorded output; then
single layers, samples, units, sizes and epochs follow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from keras_matrix.text import plural
from keras_matrix.trace.dump import Array, Capture, Port, Shape, port
from keras_matrix.trace.finding import FindingKind
from keras_matrix.trace.reduce import sizes
from keras_matrix.trace.reduce.model import (
    Application,
    Candidate,
    InputTensor,
    Output,
    Recorded,
    ancestors,
    input_name,
    pruned,
    samples_name,
    target_name,
    with_rows,
)
from keras_matrix.trace.reduce.search import Step
from keras_matrix.trace.reduce.target import ReductionTarget, script_name
from keras_matrix.trace.reduce.whole import KINDS_WITHOUT_SHAPES, computed

KINDS_BEHIND_GRADIENTS = (
    *(FindingKind.NAN, FindingKind.GRADIENT),
    *(FindingKind.UPDATE, FindingKind.TRAINING),
)
"""Kinds for which a cut output gets the very gradient that it had."""
MEAN_SQUARE = "mse"


@dataclass(frozen=True)
class Shown:
    """A candidate; ``capture`` is what the reference captured of it, once it was tried."""

    candidate: Candidate
    capture: Capture | None = None

    @property
    def digest(self) -> str:
        """The digest of the candidate."""
        return self.candidate.digest


Proposal = tuple[str, Candidate | None, bool]
"""What it is without, the candidate if there can be one, and whether it is a single step."""


def propose(shown: Shown, target: ReductionTarget) -> Iterator[Step[Shown]]:
    """Yield what is smaller than a script that shows the finding, the largest cuts first."""
    if shown.capture is None:
        return
    for words, candidate, single in _Proposer(shown.candidate, shown.capture, target).all():
        if candidate is not None and candidate.model.calls:
            yield Step(words, Shown(candidate), single)


def halves(count: int) -> Iterator[int]:
    """Yield a count, its half, and so on to 1."""
    while count > 0:
        yield count
        count //= 2


class _Proposer:
    """Makes smaller candidates of one."""

    def __init__(self, candidate: Candidate, capture: Capture, target: ReductionTarget) -> None:
        self._candidate = candidate
        self._model = candidate.model
        self._calls = candidate.model.calls
        self._arrays: dict[str, Recorded] = dict(candidate.arrays)
        self._capture = capture
        self._target = target
        at_place = [i for i, call in enumerate(self._calls) if call.layer in target.layers]
        self._place = max(at_place, default=None)

    def all(self) -> Iterator[Proposal]:
        yield from self._cut_after()
        yield from self._cut_before()
        yield from self._keep_a_sample()
        yield from self._bypass()
        yield from self._drop_outputs()
        yield from self._record_outputs()
        yield from self._plainer()
        for words, candidate in sizes.smaller(self._candidate):
            yield words, candidate, True
        yield from self._fewer_epochs()
        yield from self._fewer_samples()

    def _cut_after(self) -> Iterator[Proposal]:
        if self._place is None:
            return
        calls, place = self._calls, self._calls[self._place]
        ports = [output.port for output in self._model.outputs]
        if ports != [(place.key, 0)]:
            needed = ancestors(calls, [place.key])
            kept = [call for call in calls if call.key in needed]
            rest = [call for call in calls if call.key not in needed]
            words = f"without {_named(rest)}" if rest else f"with {place.layer} as the output"
            yield words, self._ending(kept, [(place.key, 0)]), len(rest) < 2
        for count in halves(len(calls) - 1 - self._place):
            kept, rest = calls[: len(calls) - count], calls[len(calls) - count :]
            consumed = {feed[0] for call in kept for feed in call.feeds}
            ends: list[Port] = [(call.key, 0) for call in kept if call.key not in consumed]
            yield f"without {_named(rest)}", self._ending(kept, ends), count == 1

    def _ending(
        self, calls: list[Application], ends: list[Port], *, plain: bool = False
    ) -> Candidate | None:
        """Return the candidate with only these calls, and their outputs; None if it is no other.

        Outputs of the model keep their loss unless it is to be ``plain``.
        """
        known = {tuple(output.port): output for output in self._model.outputs}
        arrays = dict(self._arrays)
        outputs: list[Output] = []
        for end in ends:
            output = known.get(end)
            if output is None or plain:
                target = self._own_target(end)
                if target is not None:
                    arrays[target_name(end)] = Recorded(target)
                    arrays.pop(samples_name(end), None)
                computed_output = computed(self._capture, "output", end)
                output = Output(
                    port=end,
                    loss=None if target is None else MEAN_SQUARE,
                    dimensions=2 if computed_output is None else computed_output.ndim,
                )
            outputs.append(output)
        model = msgspec.structs.replace(self._model, calls=calls, outputs=outputs)
        return pruned(model, arrays)

    def _own_target(self, end: Port) -> Array | None:
        """Return targets with which the mean square gives the gradient that an output had."""
        outputs = computed(self._capture, "output", end)
        if outputs is None or outputs.dtype.kind != "f":
            return None
        if self._target.kind in KINDS_WITHOUT_SHAPES:
            # No target fits the outputs of both images.
            return None
        upstream = None
        if self._target.kind in KINDS_BEHIND_GRADIENTS:
            upstream = computed(self._capture, "gradient.output", end)
        target = outputs * 0
        if upstream is not None and upstream.shape == outputs.shape:
            # The gradient of the mean square by an output is 2 (output - target) / count.
            target = outputs - upstream * outputs.size / 2
        result: Array = target.astype(outputs.dtype)
        return result

    def _cut_before(self) -> Iterator[Proposal]:
        before = self._place if self._place is not None else len(self._calls) - 1
        for count in halves(before):
            rest = self._calls[:count]
            words = f"without {_named(rest)}, output recorded"
            yield words, self._recorded({call.key for call in rest}), count == 1

    def _recorded(self, removed: set[str]) -> Candidate | None:
        """Return the candidate with recorded numbers in place of the outputs of some calls."""
        inputs, arrays = list(self._model.inputs), dict(self._arrays)
        taken = {layer.name for layer in self._model.layers}
        names: dict[Port, str] = {}
        kept = [call for call in self._calls if call.key not in removed]
        for place in dict.fromkeys((f[0], f[1]) for call in kept for f in call.feeds):
            if place[0] not in removed:
                continue
            array = computed(self._capture, "output", place)
            if array is None or not array.ndim or len(array) != self._candidate.samples:
                return None
            name = script_name(port(*place)).replace(":", "_") + "_output"
            while name in taken:
                name += "_"
            taken.add(name)
            names[place] = name
            shape: Shape = list(array.shape[1:])
            inputs.append(InputTensor(key=name, shape=shape, dtype=array.dtype.name))
            arrays[input_name(name)] = Recorded(array)

        def fed(feed: Port) -> Port:
            return (names[feed[0], feed[1]], 0) if (feed[0], feed[1]) in names else feed

        calls = [msgspec.structs.replace(c, feeds=[fed(feed) for feed in c.feeds]) for c in kept]
        outputs = [output for output in self._model.outputs if output.port[0] not in removed]
        if not outputs or len(kept) == len(self._calls):
            return None
        model = msgspec.structs.replace(self._model, inputs=inputs, calls=calls, outputs=outputs)
        return pruned(model, arrays)

    def _bypass(self) -> Iterator[Proposal]:
        """Leave out layers whose outputs have the shape of an input: several, then one."""
        alike = [
            (call, feed)
            for call in self._calls
            if call.layer not in self._target.layers and call.outputs == 1
            for feed in call.feeds
            if self._shape(feed) is not None and self._shape(feed) == self._shape((call.key, 0))
        ]
        firsts = list({call.key: (call, feed) for call, feed in reversed(alike)}.values())[::-1]
        for count in halves(len(firsts)):
            if count > 1:
                for start in range(0, len(firsts), count):
                    part = firsts[start : start + count]
                    words = f"without {_named([call for call, _ in part])}"
                    yield words, self._bypassing(part), len(part) == 1
        for call, feed in alike:
            yield f"without {_named([call])}", self._bypassing([(call, feed)]), True

    def _shape(self, place: Port) -> list[int] | None:
        for phase in ("training", "inference"):
            stored = self._capture.arrays.get(("output", port(*place), phase))
            if stored is not None:
                return stored.shape
        return None

    def _bypassing(self, pairs: Sequence[tuple[Application, Port]]) -> Candidate | None:
        around = {call.key: (feed[0], feed[1]) for call, feed in pairs}

        def source(place: Port) -> Port:
            while place[0] in around:
                place = around[place[0]]
            return (place[0], place[1])

        calls = [
            msgspec.structs.replace(call, feeds=[source(feed) for feed in call.feeds])
            for call in self._calls
            if call.key not in around
        ]
        arrays = dict(self._arrays)
        outputs: list[Output] = []
        keys = {call.key for call in calls}
        for output in self._model.outputs:
            place = source(output.port)
            if place[0] not in keys or any(other.port == place for other in outputs):
                return None
            for name in (target_name, samples_name):
                if name(output.port) in arrays:
                    arrays[name(place)] = arrays[name(output.port)]
            outputs.append(msgspec.structs.replace(output, port=place))
        model = msgspec.structs.replace(self._model, calls=calls, outputs=outputs)
        return pruned(model, arrays)

    def _drop_outputs(self) -> Iterator[Proposal]:
        outputs = self._model.outputs
        for output in outputs if len(outputs) > 1 else ():
            rest = [other for other in outputs if other is not output]
            model = msgspec.structs.replace(self._model, outputs=rest)
            yield f"without the output {output.port[0]}", pruned(model, self._arrays), True

    def _record_outputs(self) -> Iterator[Proposal]:
        for call in self._calls:
            if call.layer not in self._target.layers:
                words = f"without {call.layer} ({self._kind(call)})"
                yield words + ", output recorded", self._recorded({call.key}), True

    def _kind(self, call: Application) -> str:
        return self._model.layer(call.layer).kind

    def _plainer(self) -> Iterator[Proposal]:
        if self._model.optimizer is not None:
            plain = msgspec.structs.replace(self._model, optimizer=None)
            yield "with sgd as the optimizer", Candidate(plain, self._arrays), True
        weighted = [samples_name(output.port) for output in self._model.outputs]
        if any(name in self._arrays for name in weighted):
            arrays = {n: array for n, array in self._arrays.items() if n not in weighted}
            yield "without sample weights", Candidate(self._model, arrays), True
        own = [o for o in self._model.outputs if o.loss not in (None, MEAN_SQUARE)]
        if own and self._target.layers:
            ends: list[Port] = [(o.port[0], o.port[1]) for o in self._model.outputs]
            yield "with a plain loss", self._ending(self._calls, ends, plain=True), True

    def _fewer_epochs(self) -> Iterator[Proposal]:
        epochs = self._model.epochs
        for fewer in dict.fromkeys((1, epochs // 2, epochs - 1)):
            if 0 < fewer < epochs:
                model = msgspec.structs.replace(self._model, epochs=fewer)
                words = f"with {plural(fewer, 'epoch')}"
                yield words, Candidate(model, self._arrays), fewer == epochs - 1

    def _keep_a_sample(self) -> Iterator[Proposal]:
        count = self._candidate.samples
        if count > 1:
            yield "with 1 sample", with_rows(self._candidate, [0]), count == 2

    def _fewer_samples(self) -> Iterator[Proposal]:
        count = self._candidate.samples
        for size in halves(count // 2):
            for start in range(0, count, size):
                removed = range(start, min(count, start + size))
                rows = [row for row in range(count) if row not in removed]
                words = f"without {_rows_in_words(removed)}"
                yield words, with_rows(self._candidate, rows), size == 1


def _rows_in_words(rows: range) -> str:
    if len(rows) == 1:
        return f"sample {rows[0]}"
    return f"samples {rows[0]} to {rows[-1]}"


def _named(calls: Sequence[Application]) -> str:
    names = list(dict.fromkeys(call.layer for call in calls))
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
