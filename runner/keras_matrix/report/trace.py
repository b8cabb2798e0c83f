"""Print a trace: what agrees, what differs, where that starts, and a script that shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from keras_matrix.errors import ConfigurationError
from keras_matrix.report.causes import cause_lines
from keras_matrix.report.table import console
from keras_matrix.text import and_more, listed, plural, printable, relative
from keras_matrix.trace.distance import Distance
from keras_matrix.trace.finding import (
    Finding,
    FindingKind,
    Origin,
    TraceStage,
    shapes_in_words,
)
from keras_matrix.trace.reach import Consequence
from keras_matrix.trace.result import ImageTrace, StageSummary, Trace

MAX_GROUPS_SHOWN = 5
"""The most groups of findings of an image that are printed; the others are in ``trace.json``."""
REACHING = "reaching"
"""What ``--fail-on`` calls the findings, of any kind, that reach something."""
REACHES_NOTHING = "no weight's gradient, no update, loss, metric or prediction"
REACHED_WORDS = {
    Consequence.SCRIPT: ("the script, which fails", "the script, which fails"),
    Consequence.LOSS: ("the loss", "{} losses"),
    Consequence.PREDICTIONS: ("the predictions", "{} predicted outputs"),
    Consequence.METRICS: ("a metric", "{} metrics"),
    Consequence.GRADIENTS: ("the gradient of a weight", "the gradients of {} weights"),
    Consequence.UPDATES: ("a weight after a step", "{} weights after a step"),
    Consequence.TRAINING: ("the end of training", "{} weights and losses at the end of training"),
}
"""What a finding reaches, of one array and of several."""
MAX_NAMES = 8
"""The most names of layers that one line lists."""
REPORTED_SETTINGS = (
    *("units", "filters", "kernel_size", "pool_size", "strides", "padding", "dilation_rate"),
    *("activation", "recurrent_activation", "implementation", "size", "interpolation", "axis"),
    *("epsilon", "momentum", "data_format", "axes", "normalize", "input_dim", "unroll"),
    *("max_value", "kernel_constraint", "kernel_regularizer", "stateful", "go_backwards"),
)
UNREMARKABLE_VALUES = {
    "data_format": "channels_last",
    "activation": "linear",
    "implementation": 1,
    **dict.fromkeys(("kernel_constraint", "kernel_regularizer", "max_value")),
    **dict.fromkeys(("normalize", "unroll", "stateful", "go_backwards"), False),
}
"""Values of settings that are not reported."""


@dataclass(frozen=True)
class FailOn:
    """The real findings that make the exit code 1: of some kinds, and maybe only if they count."""

    kinds: frozenset[FindingKind]
    counting_only: bool = False

    def fails(self, trace: Trace) -> bool:
        """Tell whether an image has such a finding."""
        return any(
            finding.kind in self.kinds and (finding.counts or not self.counting_only)
            for image in trace.images
            for finding in image.real
        )


def parse_fail_on(text: str) -> FailOn:
    """Return what ``--fail-on`` selects.

    Raises:
        ConfigurationError: a name is not a kind.
    """
    if text in (REACHING, "any"):
        return FailOn(frozenset(FindingKind), counting_only=text == REACHING)
    if text == "none":
        return FailOn(frozenset())
    kind_by_name = {kind.value: kind for kind in FindingKind}
    kinds = set()
    for name in (part.strip() for part in text.split(",")):
        if name not in kind_by_name:
            raise ConfigurationError(
                f"--fail-on {name or text!r} is not a kind of difference; use one or more of "
                f"{', '.join(kind_by_name)}, or {REACHING}, or any, or none."
            )
        kinds.add(kind_by_name[name])
    return FailOn(frozenset(kinds))


def fails_without_finding(trace: Trace) -> bool:
    """Tell whether the script fails on an image and no difference that counts explains it."""
    return any(
        {image.image, trace.reference} & trace.failed.keys() and not image.counting
        for image in trace.images
    )


def print_trace(trace: Trace, out: Console | None = None) -> None:
    """Print a trace."""
    out = out or console()
    layers = plural(trace.layers, "layer")
    _print_line(out, f"{trace.model}: {layers}, reference {trace.reference}")
    if trace.still:
        names = listed(trace.still, MAX_NAMES)
        _print_line(out, f"random layers, switched off on all images: {names}")
    for image in trace.images:
        out.print()
        _print_image(out, trace, image)
    out.print()
    for image in trace.images:
        out.print(Text(printable(verdict(trace, image)), style="bold"))


def _print_image(out: Console, trace: Trace, image: ImageTrace) -> None:
    if image.stages:
        out.print(_stage_table(image))
    for note in image.notes:
        _print_line(out, f"note: {note}")
    groups = group_findings(image)
    for group in groups[:MAX_GROUPS_SHOWN]:
        out.print()
        for line in _finding_lines(group, trace.reference, image.image):
            text = printable(line)
            # A wrapped line keeps its indentation.
            indent = len(text) - len(text.lstrip())
            out.print(Padding(Text(text.strip()), (0, 0, 0, indent), expand=False))
    left_out = len(groups) - MAX_GROUPS_SHOWN
    if left_out > 0:
        rest = and_more(left_out, "kind of findings", "kinds of findings")
        _print_line(out, f"{rest}, in trace.json")
    for line in summary_lines(image):
        _print_line(out, line)
    first = image.verdict
    if first is not None and first.script is not None:
        out.print()
        _print_line(out, f"This script shows it ({relative(Path(first.script.path))}):")
        code = printable(first.script.text)
        out.print(Syntax(code, "python", background_color="default", word_wrap=True))


def _print_line(out: Console, line: str) -> None:
    out.print(Text(printable(line)))


def verdict(trace: Trace, image: ImageTrace) -> str:
    """Return one sentence on what the trace found on an image."""
    pair = f"{image.image} and {trace.reference}"
    first = image.verdict
    idle = [finding for finding in image.real if not finding.counts]
    if first is not None:
        more = f", {rest}" if (rest := and_more(len(image.counting) - 1)) else ""
        less = f"; {plural(len(idle), 'more difference reaches', 'more differences reach')} nothing"
        return f"{pair} differ: {describe_finding(first)}{more}{less if idle else ''}."
    reason = image.image in trace.failed and trace.failed.get(trace.reference)
    if reason:
        return f"{pair} agree up to where the script fails on both ({reason})."
    if image.image in trace.failed or trace.reference in trace.failed:
        name = image.image if image.image in trace.failed else trace.reference
        return (
            f"{pair} agree as far as both could be compared; the script failed on {name}, which is "
            f"no difference ({trace.failed[name]})."
        )
    if idle:
        differences = plural(len(idle), "difference reaches", "differences reach")
        return (
            f"{pair} agree in loss, metrics, predictions and weights; {differences} none of these: "
            f"{describe_finding(idle[0])}."
        )
    amplified = [f.where for f in image.findings if f.origin is Origin.AMPLIFIED]
    where = f" (rounding is amplified at {listed(amplified, MAX_NAMES)})" if amplified else ""
    return (
        f"{pair} agree: from the first weights to the last, nothing differs by more than "
        f"rounding{where}."
    )


def _stage_table(image: ImageTrace) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("stage")
    table.add_column(image.image, justify="right", overflow="fold")
    table.add_column("furthest apart", overflow="fold")
    for summary in image.stages:
        furthest = Text(printable(describe_furthest(summary)))
        table.add_row(summary.stage.value, describe_agreement(summary), furthest)
    return table


def describe_agreement(summary: StageSummary) -> str:
    """Return how many arrays of a stage agree, or differ."""
    if not summary.over:
        return f"{summary.compared} agree"
    return f"{summary.over} of {summary.compared} differ"


def describe_furthest(summary: StageSummary) -> str:
    """Return which array of a stage is furthest apart, and how far."""
    if summary.excess == 0:
        return "identical"
    if summary.excess is None:
        return f"{summary.worst}: not comparable, or infinitely far beyond the bound"
    unit = "the noise floor" if summary.stage is TraceStage.TRAINING else "what rounding explains"
    return f"{summary.worst}: {summary.excess:.2g} x {unit}"


def _finding_lines(group: Sequence[Finding], reference: str, image: str) -> Iterator[str]:
    """Yield the lines on the first finding of a group, and where the others are."""
    finding = group[0]
    yield f"{finding.kind.value}: {describe_place(finding)}, {finding.what}"
    yield from (f"  {label} {text}" for label, text in describe_reach(finding))
    if finding.message:
        yield f"  {finding.message}"
    if finding.alone is not None:
        distance = describe_distance(finding.alone, reference, image)
        yield f"  alone, from identical inputs: {distance}"
    if finding.chained is not None:
        yield f"  in the model: {describe_distance(finding.chained, reference, image)}"
    if finding.limit and finding.limit > 0:
        yield f"  {limit_label(finding)} {finding.limit:.2g}"
    configuration = describe_configuration(finding)
    if configuration:
        yield f"  configuration: {configuration}"
    yield from cause_lines(finding, reference, image)
    if finding.script is not None:
        yield f"  script: {relative(Path(finding.script.path))}"
    if len(group) > 1:
        yield f"  the same at: {listed([other.where for other in group[1:]], MAX_NAMES)}"


def limit_label(finding: Finding) -> str:
    """Return what the limit of a finding is."""
    return "the noise floor is" if finding.kind is FindingKind.TRAINING else "rounding explains"


def describe_distance(distance: Distance, reference: str, image: str) -> str:
    """Return how far apart two arrays are."""
    if not distance.same_shape:
        return (
            f"{reference} has shape {list(distance.reference_shape)}, "
            f"{image} has {list(distance.shape)}"
        )
    parts = []
    if distance.odd:
        parts.append(
            f"NaN or Inf: {distance.reference_not_finite} of {distance.size} on {reference}, "
            f"{distance.not_finite} on {image}"
        )
    parts += [f"max |d| {distance.maximum:.3g}", f"mean {distance.mean:.2g}"]
    if distance.relative is not None:
        parts.append(f"relative {distance.relative:.2g}")
    if distance.ulps is not None:
        parts.append(f"{distance.ulps:.2g} ulp")
    parts.append(f"cosine {distance.cosine:.6g}")
    if distance.flips is not None:
        parts.append(f"top-1 flips {distance.flips:.0%}")
    return ", ".join(parts)


def describe_reach(finding: Finding) -> Iterator[tuple[str, str]]:
    """Yield what a finding reaches, and what else reaches that, each with its label."""
    if finding.reach is None:
        return
    parts: list[str] = []
    for target in finding.reach.targets:
        one, several = REACHED_WORDS[target.what]
        part = one if target.count == 1 else several.format(target.count)
        if target.distance is not None:
            part += (
                f" by {target.distance:.2g}"
                if target.count == 1
                else f" by up to {target.distance:.2g}"
            )
        if target.excess is not None:
            part += f" ({target.excess:.2g} x{'' if parts else ' its bound'})"
        parts.append(part)
    yield "reaches", "; ".join(parts) or REACHES_NOTHING
    also = dict.fromkeys(name for target in finding.reach.targets for name in target.also)
    if also:
        yield "some of it also comes from", listed(list(also), MAX_NAMES)


def describe_finding(finding: Finding) -> str:
    """Return what differs, and where, in a few words."""
    return f"{finding.kind.value}, {describe_place(finding)}, {finding.what}"


def describe_place(finding: Finding) -> str:
    """Return where a finding is, with the class of the layer."""
    return f"{finding.where} ({finding.layer})" if finding.layer else finding.where


def describe_configuration(finding: Finding) -> str:
    """Return the settings of a finding's layer that are not the usual ones, and its inputs."""
    parts = [
        f"{name}={_describe_value(finding.config[name])}"
        for name in REPORTED_SETTINGS
        if name in finding.config and finding.config[name] != UNREMARKABLE_VALUES.get(name, ...)
    ]
    if finding.input_shapes and any(finding.input_shapes):
        parts.append(f"input {shapes_in_words(finding.input_shapes)}")
    return ", ".join(parts)


def _describe_value(value: object) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    if isinstance(value, dict):
        return str(value.get("class_name", value))
    return str(value)


def group_findings(image: ImageTrace) -> list[list[Finding]]:
    """Return the real findings, grouped by kind, layer class and known cause."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in image.real:
        cause = finding.hint.text if finding.hint is not None else finding.where
        place = finding.kind, finding.layer, cause, finding.counts
        groups.setdefault(place, []).append(finding)
    return list(groups.values())


def summary_lines(image: ImageTrace) -> Iterator[str]:
    """Yield where differences are inherited or amplified rounding, and the literature's figures."""
    for origin, text in (
        (Origin.INHERITED, "inherited from the findings above"),
        (Origin.AMPLIFIED, "rounding that is amplified, no difference from identical inputs"),
    ):
        names = list(dict.fromkeys(f.where for f in image.findings if f.origin is origin))
        if names:
            yield f"{text}: {listed(names, MAX_NAMES)}"
    parts = []
    if image.d_mad is not None:
        parts.append(f"D_MAD {image.d_mad:.3g}")
    if image.d_class is not None:
        parts.append(f"D_CLASS {image.d_class:g}")
    largest = max(image.rates, key=lambda rate: rate.rate, default=None)
    if largest is not None and largest.rate > 0:
        parts.append(f"largest rate of change R {largest.rate:.3g} at {largest.node}")
    if parts:
        yield f"measures of CRADLE (ICSE 2019): {', '.join(parts)}"
