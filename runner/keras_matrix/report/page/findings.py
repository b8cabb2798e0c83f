"""The section on a trace's findings: where each image first differs, and why. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from keras_matrix.compare.matrix import MatrixEntry
from keras_matrix.report import trace as words
from keras_matrix.report.causes import LABELS, describe_referee, describe_trial
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    BulletList,
    Card,
    DataTable,
    Details,
    Facts,
    Listing,
    Paragraph,
    Section,
    TableCell,
    Tone,
    entry_title,
    left_out,
    status_badge,
)
from keras_matrix.report.page.overview import PageRun
from keras_matrix.report.page.sources import TraceSource
from keras_matrix.trace.cause import CauseStatus
from keras_matrix.trace.finding import Finding
from keras_matrix.trace.result import ImageTrace, StageSummary

TONES = {
    CauseStatus.PROVEN: Tone.REFERENCE,
    CauseStatus.POSSIBLE: Tone.INCONCLUSIVE,
    CauseStatus.REFUTED: Tone.NOT_JUDGED,
}
MAX_FINDINGS = 12
"""Kinds of findings of an image that are described."""
MAX_SCRIPT_LENGTH = 8000
"""Characters of a script that are shown; the trace's folder has the whole script."""


def section(run: PageRun, source: TraceSource) -> Section:
    """Return the section, with a card for each image."""
    images = {image.image: image for image in source.trace.images}
    blocks: list[Block] = []
    if source.trace.still:
        names = ", ".join(source.trace.still)
        blocks.append(Paragraph(f"Random layers, switched off on all images: {names}."))
    blocks += [
        _card(run, entry, images.get(entry.name), source.trace.reference)
        for entry in run.row.entries
    ]
    return Section(f"{run.id}-findings", "Where the images differ", tuple(blocks))


def _card(run: PageRun, entry: MatrixEntry, image: ImageTrace | None, reference: str) -> Card:
    blocks: list[Block] = [Paragraph(f"{entry.sentence}.")]
    if image is not None:
        if image.stages:
            blocks.append(_stages(entry, image))
        groups = words.group_findings(image)
        blocks += [
            _finding(group, reference, image.image, unfolded=index == 0)
            for index, group in enumerate(groups[:MAX_FINDINGS])
        ]
        more = left_out(
            len(groups) - MAX_FINDINGS, "kind of findings", "in trace.json", "kinds of findings"
        )
        sentences = (*([more] if more else ()), *words.summary_lines(image), *image.notes)
        if sentences:
            blocks.append(BulletList(sentences))
    badge = status_badge(entry.status)
    return Card(run.target(entry), entry_title(entry), badge, tuple(blocks))


def _stages(entry: MatrixEntry, image: ImageTrace) -> DataTable:
    return DataTable(
        caption=f"{entry_title(entry)}, stage by stage",
        header=("stage", "verdict", "arrays", "furthest apart"),
        rows=tuple(_stage_row(summary) for summary in image.stages),
    )


def _stage_row(summary: StageSummary) -> tuple[TableCell, ...]:
    badge = Badge(Tone.DIFFER, "differ") if summary.over else Badge(Tone.AGREE, "agree")
    return (
        TableCell(summary.stage.value),
        TableCell(badge=badge),
        TableCell(words.describe_agreement(summary)),
        TableCell(words.describe_furthest(summary)),
    )


def _finding(group: Sequence[Finding], reference: str, image: str, *, unfolded: bool) -> Details:
    """Return the description of findings with the same kind, layer class and known cause."""
    first = group[0]
    facts = [*words.describe_reach(first)]
    if first.alone is not None:
        distance = words.describe_distance(first.alone, reference, image)
        facts.append(("alone, from identical inputs", distance))
    if first.chained is not None:
        facts.append(("in the model", words.describe_distance(first.chained, reference, image)))
    if first.limit and first.limit > 0:
        facts.append((words.limit_label(first), f"{first.limit:.2g}"))
    configuration = words.describe_configuration(first)
    if configuration:
        facts.append(("configuration", configuration))
    if len(group) > 1:
        facts.append(("the same at", ", ".join(finding.where for finding in group[1:])))
    blocks: list[Block] = []
    if first.message:
        blocks.append(Paragraph(first.message))
    blocks += _causes(first)
    if first.referee is not None:
        blocks.append(Paragraph(describe_referee(first.referee, reference, image)))
    if facts:
        blocks.append(Facts(tuple(facts)))
    if first.script is not None:
        name = Path(first.script.path).name
        summary = f"A script that shows it: scripts/{name}, in the trace's folder"
        text = first.script.text[:MAX_SCRIPT_LENGTH]
        blocks.append(Details(summary, (Listing(f"{name} ({image})", text),)))
    title = f"{first.kind.value}: {words.describe_place(first)}, {first.what}"
    return Details(title, tuple(blocks), unfolded=unfolded)


def _causes(finding: Finding) -> Iterator[Block]:
    """Yield the causes of a finding, each with its trial and its source."""
    told = [finding.hint] if finding.hint is not None else []
    for hint in (*told, *finding.refuted):
        yield Paragraph(hint.text, Badge(TONES[hint.status], LABELS[hint.status]))
        if (trial := describe_trial(hint)) is not None:
            yield Paragraph(trial)
        yield Paragraph(f"Source: {hint.source}", quiet=True)
