"""The section on a run of tests: the outcome of each test on each image. Pure."""

from collections.abc import Callable

from keras_matrix.compare.matrix import MatrixEntry, MatrixRow, Status
from keras_matrix.compare.suites import RESULTS, CaseRow, CaseSide, NoOutcome, Tally
from keras_matrix.plan.contract import CaseOutcome
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    BulletList,
    Card,
    DataTable,
    Facts,
    Paragraph,
    Section,
    TableCell,
    Tone,
    as_sentence,
    entry_title,
    left_out,
    status_badge,
)
from keras_matrix.report.page.sources import SuiteSource
from keras_matrix.report.suite import in_words, why
from keras_matrix.text import plural

MAX_TABLE_TESTS = 500
RESULT_TONES = {
    CaseOutcome.PASSED: Tone.AGREE,
    CaseOutcome.FAILED: Tone.DIFFER,
    CaseOutcome.ERROR: Tone.DIFFER,
    NoOutcome.CUT_OFF: Tone.FAILED,
}

__all__ = ["in_words", "section", "suite_row"]


def suite_row(source: SuiteSource) -> MatrixRow:
    """Return the matrix row of a run of tests."""
    plan = source.manifest.plan
    entries = tuple(_entry(source, image) for image in plan.images)
    return MatrixRow(plan.model, source.manifest.run, entries)


def _entry(source: SuiteSource, image: str) -> MatrixEntry:
    comparison, reference = source.comparison, source.manifest.plan.images[0]
    cells = {cell.id for cell in source.manifest.plan.cells if cell.image == image}
    failures = [failure for failure in comparison.failures if failure.cell in cells]
    if failures:
        outcome = failures[0].outcome.value
        return MatrixEntry(image, "", Status.FAILED, f"its cell failed: {outcome}")
    if image not in comparison.images:
        return MatrixEntry(image, "", Status.NOT_RUN, "this image has not run")
    if image == reference:
        return MatrixEntry(image, "", Status.REFERENCE, plural(len(comparison.rows), "test"))
    if reference not in comparison.images:
        return MatrixEntry(image, "", Status.NOT_JUDGED, "the reference has not run")
    pairs = [(row.on(reference).result, row.on(image).result) for row in comparison.rows]
    run_on_both = [pair for pair in pairs if NoOutcome.NOT_RUN not in pair]
    differing = sum(expected is not result for expected, result in run_on_both)
    tests = plural(len(run_on_both), "test")
    if differing:
        sentence = f"differs in {differing} of {tests}"
        return MatrixEntry(image, "", Status.DIFFER, sentence, reference)
    status = Status.AGREE if run_on_both else Status.NOT_JUDGED
    return MatrixEntry(image, "", status, f"the same outcome in {tests}", reference)


def section(prefix: str, source: SuiteSource, target: Callable[[MatrixEntry], str]) -> Section:
    """Return the section: a card for each image, and the tests whose outcomes differ.

    ``target`` returns the id of an entry's card.
    """
    comparison = source.comparison
    tallies = {tally.image: tally for tally in comparison.tallies}
    blocks: list[Block] = [
        _card(entry, target(entry), tallies.get(entry.image)) for entry in suite_row(source).entries
    ]
    if comparison.differing:
        blocks.append(_table(comparison.differing, comparison.images))
    elif len(comparison.images) > 1:
        blocks.append(Paragraph("No test has different outcomes on these images."))
    if comparison.notes:
        blocks.append(Card(f"{prefix}-remarks", "Notes", None, (BulletList(comparison.notes),)))
    return Section(f"{prefix}-tests", "Test by test", tuple(blocks))


def _card(entry: MatrixEntry, card_id: str, tally: Tally | None) -> Card:
    blocks: list[Block] = [Paragraph(as_sentence(entry.sentence))]
    if tally is not None:
        facts = [
            (result.value, str(tally.counts[result]))
            for result in RESULTS
            if tally.counts.get(result)
        ]
        if tally.seconds is not None:
            facts.append(("seconds", f"{tally.seconds:.1f}"))
        if tally.pytest:
            facts.append(("pytest", tally.pytest))
        blocks.append(Facts(tuple(facts)))
    return Card(card_id, entry_title(entry), status_badge(entry.status), tuple(blocks))


def _table(tests: tuple[CaseRow, ...], images: tuple[str, ...]) -> DataTable:
    return DataTable(
        caption=f"Tests that differ ({len(tests)})",
        header=("test", *images, "messages"),
        rows=tuple(
            (
                TableCell(test.test, code=True),
                *(_outcome(side) for side in test.sides),
                TableCell(why(test)),
            )
            for test in tests[:MAX_TABLE_TESTS]
        ),
        note=left_out(len(tests) - MAX_TABLE_TESTS, "test", "in the records"),
    )


def _outcome(side: CaseSide) -> TableCell:
    tone = RESULT_TONES.get(side.result, Tone.NOT_JUDGED)
    return TableCell(badge=Badge(tone, side.result.value))
