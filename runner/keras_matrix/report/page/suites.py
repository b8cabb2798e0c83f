"""What a suite's tests came to, test by test. Pure."""

from collections.abc import Callable

from keras_matrix.compare.matrix import MatrixEntry, MatrixRow, Status
from keras_matrix.compare.suites import CaseRow, CaseSide, Result, Tally
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    Card,
    DataTable,
    Datum,
    Facts,
    Paragraph,
    Points,
    Section,
    Tone,
    of_status,
    sentence,
)
from keras_matrix.report.page.sources import SuiteSource
from keras_matrix.report.suite import in_words, why

MOST_ROWS = 500
TONES = {
    Result.PASSED: Tone.AGREE,
    Result.FAILED: Tone.DIFFER,
    Result.ERROR: Tone.DIFFER,
    Result.CUT_OFF: Tone.FAILED,
}

__all__ = ["in_words", "matrix_row", "section"]


def matrix_row(source: SuiteSource) -> MatrixRow:
    """Return a suite's row of the matrix."""
    plan = source.manifest.plan
    return MatrixRow(
        plan.model, source.manifest.run, tuple(_entry(source, image) for image in plan.images)
    )


def _entry(source: SuiteSource, image: str) -> MatrixEntry:
    found, reference = source.comparison, source.manifest.plan.images[0]
    failed = [note for note in found.failures if note.cell in _cells(source, image)]
    if failed:
        return MatrixEntry(image, "", Status.FAILED, f"its cell failed: {failed[0].outcome.value}")
    if image not in found.images:
        return MatrixEntry(image, "", Status.NOT_RUN, "it has not run")
    if image == reference:
        return MatrixEntry(image, "", Status.REFERENCE, f"{len(found.rows)} tests")
    if reference not in found.images:
        return MatrixEntry(image, "", Status.NOT_JUDGED, "the reference has not run")
    pairs = [(row.on(reference).result, row.on(image).result) for row in found.rows]
    known = [pair for pair in pairs if Result.NOT_RUN not in pair]
    apart = sum(one is not other for one, other in known)
    tests = f"{len(known)} test{'s' * (len(known) != 1)}"
    if apart:
        text = f"differs in {apart} of {tests}"
        return MatrixEntry(image, "", Status.DIFFER, text, reference)
    status = Status.AGREE if known else Status.NOT_JUDGED
    return MatrixEntry(image, "", status, f"the same in {tests}", reference)


def _cells(source: SuiteSource, image: str) -> set[str]:
    return {cell.id for cell in source.manifest.plan.cells if cell.image == image}


def section(name: str, source: SuiteSource, target: Callable[[MatrixEntry], str]) -> Section:
    """Return a card an image, and the tests that came to different things."""
    found = source.comparison
    tallies = {tally.image: tally for tally in found.tallies}
    blocks: list[Block] = [
        _card(entry, target(entry), tallies.get(entry.image))
        for entry in matrix_row(source).entries
    ]
    if found.differing:
        blocks.append(_table(found.differing, found.images))
    elif len(found.images) > 1:
        blocks.append(Paragraph("No test came to different things."))
    if found.notes:
        blocks.append(Card(f"{name}-remarks", "Remarks", None, (Points(found.notes),)))
    return Section(f"{name}-tests", "Test by test", tuple(blocks))


def _card(entry: MatrixEntry, name: str, tally: Tally | None) -> Card:
    title = f"{entry.name} against {entry.reference}" if entry.reference else entry.name
    blocks: list[Block] = [Paragraph(sentence(entry.sentence))]
    if tally is not None:
        counts = [(one.value, str(tally.counts[one])) for one in Result if tally.counts.get(one, 0)]
        seconds = [] if tally.seconds is None else [("seconds", f"{tally.seconds:.1f}")]
        pytest = [("pytest", tally.pytest)] if tally.pytest else []
        blocks.append(Facts((*counts, *seconds, *pytest)))
    return Card(name, title, of_status(entry.status), tuple(blocks))


def _table(rows: tuple[CaseRow, ...], images: tuple[str, ...]) -> DataTable:
    more = len(rows) - MOST_ROWS
    return DataTable(
        caption=f"Tests that differ ({len(rows)})",
        header=("test", *images, "why"),
        rows=tuple(
            (Datum(row.test, code=True), *(_side(side) for side in row.sides), Datum(why(row)))
            for row in rows[:MOST_ROWS]
        ),
        note=f"and {more} more, in the records." if more > 0 else "",
    )


def _side(side: CaseSide) -> Datum:
    return Datum(badge=Badge(TONES.get(side.result, Tone.NOT_JUDGED), side.result.value))
