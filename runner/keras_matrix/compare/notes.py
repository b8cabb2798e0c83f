"""What there is to tell of cells beside their rows: notes, and what failed. Pure."""

from collections.abc import Sequence

from keras_matrix.compare.comparison import CellNote
from keras_matrix.records.record import BaseKind, Outcome, Record
from keras_matrix.text import last_lines

EXITED = "exit"
"""The status of a script that ended itself: what it printed says why, and a traceback does not."""


def cell_notes(records: Sequence[Record]) -> list[str]:
    """Return the notes of all cells, one that several have once, and what the run is made of."""
    cells: dict[str, list[str]] = {}
    for record in records:
        for note in record.notes:
            cells.setdefault(note, []).append(record.cell.id)
    found = [
        f"{where[0] if len(where) == 1 else f'{len(where)} cells'}: {note}"
        for note, where in cells.items()
    ]
    reused = [record for record in records if record.reused is not None]
    if reused:
        runs = ", ".join(dict.fromkeys(str(record.reused) for record in reused))
        found.append(f"reused: {len(reused)} of {len(records)} cells, from {runs}.")
    standins = sorted(
        {r.image.name for r in records if r.image is not None and r.image.base is BaseKind.STANDIN}
    )
    if standins:
        found.append(f"base: standin for {', '.join(standins)}, not the official Python image.")
    return found


def failures(records: Sequence[Record]) -> tuple[CellNote, ...]:
    """Return the cells without a result."""
    return tuple(
        CellNote(record.cell.id, record.outcome, record.reason, _last_lines(record))
        for record in records
        if record.outcome is not Outcome.OK
    )


def _last_lines(record: Record) -> tuple[str, ...]:
    """Return the end of the script's own traceback; of the log where there is none."""
    end = record.observation.end
    if end is None or end.error is None or end.status == EXITED or not end.error.traceback:
        return record.log_tail
    return last_lines(end.error.traceback)
