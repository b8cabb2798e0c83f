"""The section on a run's images: verdict, metrics and cells of each, and notes on all. Pure."""

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
    BulletList,
    Card,
    DataTable,
    Details,
    Paragraph,
    Section,
    TableCell,
    Tone,
    as_sentence,
    entry_title,
    left_out,
    status_badge,
    verdict_badge,
)
from keras_matrix.report.page.overview import PageRun
from keras_matrix.report.page.sources import RunSource
from keras_matrix.report.questions import describe_questions
from keras_matrix.text import plural

MAX_TABLE_ROWS = 200
MAX_TABLE_CELLS = 200
MAX_NOTES = 100


def section(run: PageRun, source: RunSource) -> Section:
    """Return the section, with a card for each image and one for the notes."""
    blocks: list[Block] = [_card(run, source, entry) for entry in run.row.entries]
    notes = (*describe_questions(source.comparison), *source.comparison.notes)
    if notes:
        more = left_out(len(notes) - MAX_NOTES, "note", "printed by keras-matrix diff")
        bullets = BulletList((*notes[:MAX_NOTES], *([more] if more else ())))
        blocks.append(Card(f"{run.id}-remarks", "Notes", None, (bullets,)))
    return Section(f"{run.id}-images", "Image by image", tuple(blocks))


def _card(run: PageRun, source: RunSource, entry: MatrixEntry) -> Card:
    blocks: list[Block] = [Paragraph(as_sentence(entry.sentence))]
    if entry.status is Status.FAILED:
        blocks.append(Paragraph("Failures and their logs", target=f"{run.id}-failures"))
    if any(row.other is not None or not row.other_name for row in entry.rows):
        blocks += _metrics(entry)
    records = [
        record
        for record in source.records
        if record.cell.image == entry.image and entry.setting in ("", record.cell.settings.id)
    ]
    if records:
        blocks.append(_cells(entry, records))
    badge = status_badge(entry.status)
    return Card(run.target(entry), entry_title(entry), badge, tuple(blocks))


def _metrics(entry: MatrixEntry) -> list[Block]:
    """Return a table of the judged metrics, and another of those that are only reported."""
    judged = [row for row in entry.rows if row.verdict is not Verdict.REPORTED]
    reported = [row for row in entry.rows if row.verdict is Verdict.REPORTED]
    blocks: list[Block] = []
    if judged:
        blocks.append(_table(entry, judged, f"{plural(len(judged), 'metric')}, judged"))
    if reported:
        count = plural(len(reported), "metric")
        table = _table(entry, reported, f"{count}, not judged")
        blocks.append(Details(f"{count} reported, not judged", (table,)) if judged else table)
    return blocks


def _table(entry: MatrixEntry, metrics: Sequence[Row], description: str) -> DataTable:
    reference, other = metrics[0].reference_name, metrics[0].other_name
    table = rows.table(reference, other, metrics, MAX_TABLE_ROWS)
    judged = any(row.verdict is not Verdict.REPORTED for row in metrics)
    inferred = any(row.inference is not None for row in metrics)
    header = (
        "metric",
        *(("verdict",) if judged else ()),
        reference,
        *((other, "difference, interval" if inferred else "difference") if other else ()),
        *(("allowed",) if judged else ()),
    )
    return DataTable(
        caption=f"{entry_title(entry)}: {description}" if other else description,
        header=header,
        rows=tuple(_metric_row(row, judged=judged) for row in table.rows),
        note=table.rest,
        stacks=True,
    )


def _metric_row(row: Row, *, judged: bool) -> tuple[TableCell, ...]:
    """Return a metric's row; ``judged`` says whether the table has verdicts and tolerances."""
    name = figures.label(row).removeprefix(f"{row.group}: ")
    relative = figures.relative(row)
    below = [relative, figures.interval(row)]
    difference = TableCell(
        figures.number(row.absolute),
        "\n".join(text for text in below if text != "-"),
        numeric=True,
    )
    return (
        TableCell(name, code=True, small=_question(row)),
        *((TableCell(badge=verdict_badge(row.verdict)),) if judged else ()),
        _summary(row.reference),
        *((_summary(row.other), difference) if row.other_name else ()),
        *((TableCell(figures.tolerance(row), numeric=True),) if judged else ()),
    )


def _question(row: Row) -> str:
    """Return what was asked of a metric, in few words; empty if nothing was."""
    return f"same {row.asked.question.value}?" if row.asked is not None else ""


def _summary(summary: Summary | None) -> TableCell:
    """Return a value; of several seeds the median, with the range below it."""
    if summary is None or len(summary.values) == 1:
        return TableCell(figures.summary(summary), numeric=True)
    value_range = f"{summary.low:.4g} to {summary.high:.4g}"
    return TableCell(figures.number(summary.median), small=value_range, numeric=True)


def _cells(entry: MatrixEntry, records: Sequence[Record]) -> Details:
    """Return a table of an image's cells, those that failed first."""
    failed_first = sorted(records, key=lambda record: record.outcome is Outcome.OK)
    table = DataTable(
        caption=f"Cells of {entry.name}",
        header=("cell", "outcome", "run time, s", "peak memory, MiB", "metrics", "reused from"),
        rows=tuple(_cell_row(record) for record in failed_first[:MAX_TABLE_CELLS]),
        note=left_out(len(records) - MAX_TABLE_CELLS, "cell", "in the run's folder"),
        stacks=True,
    )
    return Details(plural(len(records), "cell"), (table,))


def _cell_row(record: Record) -> tuple[TableCell, ...]:
    tone = Tone.AGREE if record.outcome is Outcome.OK else Tone.FAILED
    end = record.observation.end
    memory = f"{end.peak_memory / 2**20:.0f}" if end is not None else "-"
    return (
        TableCell(record.cell.id, code=True),
        TableCell(badge=Badge(tone, record.outcome.value)),
        TableCell(f"{record.timing.run:.2f}", numeric=True),
        TableCell(memory, numeric=True),
        TableCell(str(len(measures(record))), numeric=True),
        TableCell(record.reused or "-"),
    )
