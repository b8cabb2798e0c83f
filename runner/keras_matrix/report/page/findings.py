"""What a trace found on each image, and where it begins. Pure."""

from collections.abc import Sequence
from pathlib import Path

from keras_matrix.compare.matrix import MatrixEntry
from keras_matrix.report import trace as words
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    Card,
    DataTable,
    Datum,
    Facts,
    Fold,
    Listing,
    Paragraph,
    Points,
    Section,
    Tone,
    of_status,
)
from keras_matrix.report.page.overview import Result
from keras_matrix.report.page.sources import TraceSource
from keras_matrix.trace.finding import Finding
from keras_matrix.trace.result import ImageTrace, StageSummary

SHOWN = 12
"""Kinds of findings of an image that are told in full."""
LONGEST_SCRIPT = 8000


def section(result: Result, source: TraceSource) -> Section:
    """Return a card an image: its stages, and its findings."""
    found = {image.image: image for image in source.trace.images}
    blocks: list[Block] = []
    if source.trace.still:
        names = ", ".join(source.trace.still)
        blocks.append(Paragraph(f"Random layers, switched off on all images: {names}."))
    blocks += [_card(result, entry, found.get(entry.name), source) for entry in result.row.entries]
    return Section(f"{result.id}-findings", "Where the images part", tuple(blocks))


def _card(
    result: Result, entry: MatrixEntry, image: ImageTrace | None, source: TraceSource
) -> Card:
    title = f"{entry.name} against {entry.reference}" if entry.reference else entry.name
    blocks: list[Block] = [Paragraph(f"{entry.sentence}.")]
    if image is not None:
        if image.stages:
            blocks.append(_stages(entry, image))
        groups = words.group_findings(image)
        blocks += [
            _finding(found, source.trace.reference, image.image, number == 1)
            for number, found in enumerate(groups[:SHOWN], 1)
        ]
        more = len(groups) - SHOWN
        rest = [f"and {more} more kinds of findings, in trace.json"] if more > 0 else []
        remarks = (*rest, *words.summary_lines(image), *image.notes)
        if remarks:
            blocks.append(Points(remarks))
    return Card(result.target(entry), title, of_status(entry.status), tuple(blocks))


def _stages(entry: MatrixEntry, image: ImageTrace) -> DataTable:
    return DataTable(
        caption=f"{entry.name} against {entry.reference}, stage by stage",
        header=("stage", "verdict", "arrays", "furthest apart"),
        rows=tuple(_stage(summary) for summary in image.stages),
    )


def _stage(summary: StageSummary) -> tuple[Datum, ...]:
    badge = Badge(Tone.DIFFER, "differ") if summary.over else Badge(Tone.AGREE, "agree")
    return (
        Datum(summary.stage.value),
        Datum(badge=badge),
        Datum(words.describe_agreement(summary)),
        Datum(words.describe_furthest(summary)),
    )


def _finding(alike: Sequence[Finding], reference: str, image: str, unfolded: bool) -> Fold:
    first = alike[0]
    facts = []
    if first.alone is not None:
        found = words.describe_distance(first.alone, reference, image)
        facts.append(("alone, from identical inputs", found))
    if first.chained is not None:
        facts.append(("in the model", words.describe_distance(first.chained, reference, image)))
    if first.limit and first.limit > 0:
        facts.append((words.limit_label(first), f"{first.limit:.2g}"))
    configuration = words.describe_configuration(first)
    if configuration:
        facts.append(("configuration", configuration))
    if len(alike) > 1:
        facts.append(("the same at", ", ".join(one.where for one in alike[1:])))
    blocks: list[Block] = []
    if first.message:
        blocks.append(Paragraph(first.message))
    if first.hint is not None:
        blocks.append(Paragraph(first.hint.text, Badge(Tone.REFERENCE, "known cause")))
        blocks.append(Paragraph(f"Source: {first.hint.source}", quiet=True))
    if facts:
        blocks.append(Facts(tuple(facts)))
    if first.script is not None:
        name = Path(first.script.path).name
        label = f"A script that shows it: scripts/{name}, in the trace's folder"
        text = first.script.text[:LONGEST_SCRIPT]
        blocks.append(Fold(label, (Listing(f"{name} ({image})", text),)))
    title = f"{first.kind.value}: {words.describe_place(first)}, {first.what}"
    return Fold(title, tuple(blocks), unfolded=unfolded)
