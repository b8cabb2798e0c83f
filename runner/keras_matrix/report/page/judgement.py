"""What is said of each image: its verdict, its metrics, its cells; and remarks on all. Pure."""

from collections.abc import Sequence

from keras_matrix.compare import figures
from keras_matrix.compare.comparison import Row, Summary, Verdict
from keras_matrix.compare.matrix import MatrixEntry, Status
from keras_matrix.compare.metrics import measures
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report import rows
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    Card,
    DataTable,
    Datum,
    Fold,
    Paragraph,
    Points,
    Section,
    Tone,
    of_status,
    of_verdict,
    sentence,
)
from keras_matrix.report.page.overview import Result
from keras_matrix.report.page.sources import RunSource
from keras_matrix.report.words import method

MOST_ROWS = 200
MOST_CELLS = 200
MOST_NOTES = 100
REFERENCE, OTHER = "the reference", "the other"
COLUMNS = ("metric", "verdict", REFERENCE, OTHER, "difference", "interval", "allowed")


def section(result: Result, source: RunSource) -> Section:
    """Return a card an image, and what there is to remark on all."""
    blocks: list[Block] = [_card(result, source, entry) for entry in result.row.entries]
    notes = (*method(source.comparison), *source.comparison.notes)
    if notes:
        shown = notes[:MOST_NOTES]
        more = len(notes) - len(shown)
        rest = (f"and {more} more, which keras-matrix diff prints",) if more else ()
        blocks.append(Card(f"{result.id}-remarks", "Remarks", None, (Points((*shown, *rest)),)))
    return Section(f"{result.id}-images", "Image by image", tuple(blocks))


def _card(result: Result, source: RunSource, entry: MatrixEntry) -> Card:
    title = f"{entry.name} against {entry.reference}" if entry.reference else entry.name
    blocks: list[Block] = [Paragraph(sentence(entry.sentence))]
    if entry.status is Status.FAILED:
        blocks.append(Paragraph("What failed, and its log", target=f"{result.id}-failures"))
    if any(row.other is not None or not row.other_name for row in entry.rows):
        blocks += _metrics(entry)
    several = bool(entry.setting)
    records = [
        record
        for record in source.records
        if record.cell.image == entry.image
        and (not several or record.cell.settings.id == entry.setting)
    ]
    if records:
        blocks.append(_cells(entry, records))
    return Card(result.target(entry), title, of_status(entry.status), tuple(blocks))


def _metrics(entry: MatrixEntry) -> list[Block]:
    judged = [row for row in entry.rows if row.verdict is not Verdict.REPORTED]
    rest = [row for row in entry.rows if row.verdict is Verdict.REPORTED]
    if not judged:
        return [_table(entry, rest, f"{_count(rest)}, not judged")]
    blocks: list[Block] = [_table(entry, judged, f"{_count(judged)}, judged")]
    if rest:
        title = f"{_count(rest)} reported, not judged"
        blocks.append(Fold(title, (_table(entry, rest, f"{_count(rest)}, not judged"),)))
    return blocks


def _count(found: Sequence[Row]) -> str:
    return f"{len(found)} metric{'s' * (len(found) != 1)}"


def _table(entry: MatrixEntry, found: Sequence[Row], about: str) -> DataTable:
    reference, other = found[0].reference_name, found[0].other_name
    table = rows.table(reference, other, found, MOST_ROWS)
    columns = [column for column in COLUMNS if _wanted(column, found)]
    return DataTable(
        caption=f"{entry.name} against {entry.reference}: {about}" if other else about,
        header=tuple({OTHER: other, REFERENCE: reference}.get(name, name) for name in columns),
        rows=tuple(tuple(_datum(row, column) for column in columns) for row in table.rows),
        note=table.rest,
    )


def _wanted(column: str, found: Sequence[Row]) -> bool:
    if column in ("metric", REFERENCE):
        return True
    if column == "interval":
        return any(row.inference is not None for row in found)
    if column in ("verdict", "allowed"):
        return any(row.verdict is not Verdict.REPORTED for row in found)
    return bool(found[0].other_name)


def _datum(row: Row, column: str) -> Datum:
    if column == "metric":
        return Datum(figures.label(row).removeprefix(f"{row.group}: "), code=True)
    if column == "verdict":
        return Datum(badge=of_verdict(row.verdict))
    if column == REFERENCE:
        return _side(row.reference)
    if column == OTHER:
        return _side(row.other)
    if column == "difference":
        share = figures.relative(row)
        return Datum(figures.number(row.absolute), "" if share == "-" else share, numeric=True)
    text = figures.interval(row) if column == "interval" else figures.tolerance(row)
    return Datum(text, numeric=True)


def _side(value: Summary | None) -> Datum:
    if value is None or len(value.values) == 1:
        return Datum(figures.summary(value), numeric=True)
    spread = f"{value.low:.4g} to {value.high:.4g}"
    return Datum(figures.number(value.median), small=spread, numeric=True)


def _cells(entry: MatrixEntry, records: Sequence[Record]) -> Fold:
    first = sorted(records, key=lambda record: record.outcome is Outcome.OK)[:MOST_CELLS]
    more = len(records) - len(first)
    table = DataTable(
        caption=f"Cells of {entry.name}",
        header=("cell", "outcome", "run, s", "peak memory, MiB", "metrics", "reused from"),
        rows=tuple(_cell(record) for record in first),
        note=f"and {more} more, in the run's folder." if more else "",
    )
    return Fold(f"{len(records)} cell{'s' * (len(records) != 1)}", (table,))


def _cell(record: Record) -> tuple[Datum, ...]:
    good = record.outcome is Outcome.OK
    end = record.observation.end
    memory = f"{end.peak_memory / 2**20:.0f}" if end is not None else "-"
    return (
        Datum(record.cell.id, code=True),
        Datum(badge=Badge(Tone.AGREE if good else Tone.FAILED, record.outcome.value)),
        Datum(f"{record.timing.run:.2f}", numeric=True),
        Datum(memory, numeric=True),
        Datum(str(len(measures(record))), numeric=True),
        Datum(record.reused or "-"),
    )
