"""A trace for people: what agrees, what does not, where that starts, and a script that shows it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from keras_matrix.errors import ConfigurationError
from keras_matrix.report.table import console
from keras_matrix.text import printable, relative
from keras_matrix.trace.distance import Distance
from keras_matrix.trace.finding import Finding, FindingKind, Origin, shapes_in_words
from keras_matrix.trace.result import ImageTrace, StageSummary, Trace, TraceStage

SHOWN = 5
"""Kinds of findings of an image that are told in full; the others are in the JSON."""
CONFIGURED = (
    *("units", "filters", "kernel_size", "pool_size", "strides", "padding", "dilation_rate"),
    *("activation", "recurrent_activation", "implementation", "size", "interpolation", "axis"),
    *(
        "epsilon",
        "momentum",
        "data_format",
        "axes",
        "normalize",
        "input_dim",
        "unroll",
        "max_value",
    ),
    *("kernel_constraint", "kernel_regularizer", "stateful", "go_backwards"),
)
USUAL = {
    "data_format": "channels_last",
    "activation": "linear",
    "implementation": 1,
    **dict.fromkeys(("kernel_constraint", "kernel_regularizer", "max_value")),
    **dict.fromkeys(("normalize", "unroll", "stateful", "go_backwards"), False),
}
"""Values that are not worth a word."""


def parse_kinds(text: str) -> frozenset[FindingKind]:
    """Return the kinds that ``--fail-on`` names.

    Raises:
        ConfigurationError: one is no kind.
    """
    if text == "any":
        return frozenset(FindingKind)
    if text == "none":
        return frozenset()
    names = {kind.value: kind for kind in FindingKind}
    found = set()
    for part in (one.strip() for one in text.split(",")):
        if part not in names:
            raise ConfigurationError(
                f"--fail-on {part or text!r} is no kind of difference; "
                f"name some of {', '.join(names)}, or any, or none."
            )
        found.add(names[part])
    return frozenset(found)


def failed(trace: Trace) -> bool:
    """Tell whether the script fails and no difference between images says why."""
    return any(image.image in trace.failed and not image.real for image in trace.images)


def fails(trace: Trace, kinds: frozenset[FindingKind]) -> bool:
    """Tell whether an image differs by itself in one of the kinds."""
    return any(finding.kind in kinds for image in trace.images for finding in image.real)


def show(trace: Trace, out: Console | None = None) -> None:
    """Print a trace."""
    out = out or console()
    head = f"{trace.model}: {trace.layers} layers, reference {trace.reference}"
    out.print(Text(printable(head)))
    if trace.still:
        still = printable(_names(trace.still))
        out.print(Text(f"random layers, switched off on all images: {still}"))
    for image in trace.images:
        out.print()
        if image.stages:
            out.print(_stages(image))
        for note in image.notes:
            out.print(Text(f"note: {printable(note)}"))
        for found in alike(image)[:SHOWN]:
            out.print()
            lines = [*_told(found[0], trace.reference, image.image)]
            if len(found) > 1:
                lines.append(f"  the same at: {_names([one.where for one in found[1:]])}")
            for line in lines:
                text = printable(line)
                # What is folded stays below its own beginning.
                indent = len(text) - len(text.lstrip())
                out.print(Padding(Text(text.strip()), (0, 0, 0, indent), expand=False))
        more = len(alike(image)) - SHOWN
        if more > 0:
            out.print(Text(f"and {more} more, in the JSON"))
        for line in rest(image):
            out.print(Text(printable(line)))
        first = image.verdict
        if first is not None and first.script is not None:
            out.print()
            out.print(
                Text(printable(f"This script shows it ({relative(Path(first.script.path))}):"))
            )
            text = printable(first.script.text)
            out.print(Syntax(text, "python", background_color="default", word_wrap=True))
    out.print()
    for image in trace.images:
        out.print(Text(printable(verdict(trace, image)), style="bold"))


def verdict(trace: Trace, image: ImageTrace) -> str:
    """Say in one sentence what was found on an image."""
    first = image.verdict
    pair = f"{image.image} and {trace.reference}"
    failed = image.image in trace.failed and trace.failed.get(trace.reference)
    if first is None and failed:
        return f"{pair} agree as far as they go: the script fails on both ({failed})."
    if first is None:
        grown = [f for f in image.findings if f.origin is Origin.AMPLIFIED]
        more = f" (rounding grows at {_names([f.where for f in grown])})" if grown else ""
        return f"{pair} agree: from the first weights to the last, nothing but rounding{more}."
    more = f", and {len(image.real) - 1} more" if len(image.real) > 1 else ""
    return f"{pair} differ: {first.kind.value}, {place(first)}, {first.what}{more}."


def _stages(image: ImageTrace) -> Table:
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("stage")
    table.add_column(image.image, justify="right")
    table.add_column("furthest apart")
    for summary in image.stages:
        table.add_row(summary.stage.value, agreement(summary), Text(printable(furthest(summary))))
    return table


def agreement(summary: StageSummary) -> str:
    """Say how many arrays of a stage agree, or differ."""
    if not summary.over:
        return f"{summary.compared} agree"
    return f"{summary.over} of {summary.compared} differ"


def furthest(summary: StageSummary) -> str:
    """Say what of a stage is furthest apart, and how far."""
    if summary.excess == 0:
        return "identical"
    if summary.excess is None:
        return f"{summary.worst}: not comparable, or not even close"
    explained = (
        "the noise floor" if summary.stage is TraceStage.TRAINING else "what rounding explains"
    )
    return f"{summary.worst}: {summary.excess:.2g} x {explained}"


def _told(finding: Finding, reference: str, image: str) -> Iterator[str]:
    yield f"{finding.kind.value}: {place(finding)}, {finding.what}"
    if finding.message:
        yield f"  {finding.message}"
    if finding.alone is not None:
        yield f"  alone, from identical inputs: {figures(finding.alone, reference, image)}"
    if finding.chained is not None:
        yield f"  in the model: {figures(finding.chained, reference, image)}"
    if finding.limit and finding.limit > 0:
        floor = (
            "the noise floor is" if finding.kind is FindingKind.TRAINING else "rounding explains"
        )
        yield f"  {floor} {finding.limit:.2g}"
    configuration = configured(finding)
    if configuration:
        yield f"  configuration: {configuration}"
    if finding.hint is not None:
        yield f"  why: {finding.hint.text}"
        yield f"       {finding.hint.source}"
    if finding.script is not None:
        yield f"  script: {relative(Path(finding.script.path))}"


def figures(found: Distance, reference: str, image: str) -> str:
    """Say how far apart two arrays are."""
    if not found.same_shape:
        return (
            f"{reference} has shape {list(found.reference_shape)}, {image} has {list(found.shape)}"
        )
    parts = [
        f"max |d| {found.maximum:.3g}",
        f"mean {found.mean:.2g}",
        *([f"relative {found.relative:.2g}"] if found.relative is not None else []),
        *([f"{found.ulps:.2g} ulp"] if found.ulps is not None else []),
        f"cosine {found.cosine:.6g}",
    ]
    if found.flips is not None:
        parts.append(f"top-1 flips {found.flips:.0%}")
    if found.odd:
        parts.insert(
            0,
            f"NaN or Inf: {found.reference_not_finite} of {found.size} on {reference}, "
            f"{found.not_finite} on {image}",
        )
    return ", ".join(parts)


def place(finding: Finding) -> str:
    """Return where a finding is, with the class of the layer."""
    return f"{finding.where} ({finding.layer})" if finding.layer else finding.where


def configured(finding: Finding) -> str:
    """Return what is worth telling of a layer's configuration."""
    parts = [
        f"{name}={_value(finding.config[name])}"
        for name in CONFIGURED
        if name in finding.config and finding.config[name] != USUAL.get(name, ...)
    ]
    if finding.input_shapes and any(finding.input_shapes):
        parts.append(f"input {shapes_in_words(finding.input_shapes)}")
    return ", ".join(parts)


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    if isinstance(value, dict):
        return str(value.get("class_name", value))
    return str(value)


def alike(image: ImageTrace) -> list[list[Finding]]:
    """Return the real findings, those together that are of one kind, layer and known cause."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in image.real:
        cause = finding.hint.text if finding.hint is not None else finding.where
        groups.setdefault((finding.kind, finding.layer, cause), []).append(finding)
    return list(groups.values())


def rest(image: ImageTrace) -> Iterator[str]:
    """Say what follows from the findings, and the figures of the literature."""
    for origin, text in (
        (Origin.INHERITED, "inherited from these"),
        (Origin.AMPLIFIED, "rounding that grows there, and agrees alone"),
    ):
        names = list(dict.fromkeys(f.where for f in image.findings if f.origin is origin))
        if names:
            yield f"{text}: {_names(names)}"
    rate = max(image.rates, key=lambda one: one.rate, default=None)
    parts = []
    if image.d_mad is not None:
        parts.append(f"D_MAD {image.d_mad:.3g}")
    if image.d_class is not None:
        parts.append(f"D_CLASS {image.d_class:g}")
    if rate is not None and rate.rate > 0:
        parts.append(f"largest rate of change R {rate.rate:.3g} at {rate.node}")
    if parts:
        yield f"as in CRADLE (ICSE 2019): {', '.join(parts)}"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
