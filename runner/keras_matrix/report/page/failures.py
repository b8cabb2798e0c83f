"""The section on cells that gave no result: the reason, the line of the script, and the log."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_matrix.errors import StoreError
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report.page.blocks import (
    Badge,
    Block,
    BulletList,
    Card,
    Details,
    Facts,
    Listing,
    Paragraph,
    Section,
    Tone,
)
from keras_matrix.text import brief, displayed_line, listed, plural

MAX_CARDS = 10
"""Kinds of failures that have a card with a log."""
MAX_BULLETS = 100
"""Further kinds of failures that are named."""
MAX_NAMED_CELLS = 10
MAX_HEAD = 4 * 2**10
"""Bytes of a long log's beginning that are shown."""
MAX_TAIL = 12 * 2**10
"""Bytes of a long log's end that are shown."""
MAX_LINE_LENGTH = 600
"""Characters of a line that are shown."""
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


@dataclass(frozen=True)
class Excerpt:
    """A log, or its beginning and its end; ``size`` and ``omitted`` are in bytes."""

    text: str
    size: int
    omitted: int


def excerpt(path: Path) -> Excerpt | None:
    """Read a log, of a long one its beginning and its end; None if there is no log.

    Raises:
        StoreError: the log cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if size <= MAX_HEAD + MAX_TAIL:
                return Excerpt(_decoded(file.read(MAX_HEAD + MAX_TAIL)), size, 0)
            head = file.read(MAX_HEAD)
            file.seek(size - MAX_TAIL)
            tail = file.read(MAX_TAIL)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"Cannot read the log {path} ({error.strerror}); check its permissions."
        ) from error
    # Cut at whole lines, if there are any.
    head = head[: head.rfind(b"\n") + 1] or head
    tail = tail[tail.find(b"\n") + 1 :] or tail
    omitted = size - len(head) - len(tail)
    gap = f"\n{ELLIPSIS} {_size(omitted)} left out {ELLIPSIS}\n\n"
    return Excerpt(f"{_decoded(head).rstrip()}\n{gap}{_decoded(tail)}", size, omitted)


def _decoded(content: bytes) -> str:
    return as_displayed(content.decode("utf-8", errors="replace"))


def as_displayed(text: str) -> str:
    """Return output as a terminal would show it, with long lines shortened."""
    return "\n".join(_shortened_line(displayed_line(line)) for line in text.split("\n"))


def _shortened_line(line: str) -> str:
    if len(line) <= MAX_LINE_LENGTH:
        return line
    half = MAX_LINE_LENGTH // 2
    return f"{line[:half]} {ELLIPSIS} {line[-half:]}"


def _size(size: int) -> str:
    """Return a number of bytes in a readable unit."""
    if size < 2**10:
        return plural(size, "byte")
    return f"{size / 2**10:.0f} KiB" if size < 2**20 else f"{size / 2**20:.1f} MiB"


def section(
    prefix: str, folder: RunFolder, records: Sequence[Record], missing: Sequence[str]
) -> Section | None:
    """Return the section with a card for each kind of failure; None if every cell has a result.

    ``missing`` are the ids of the cells that have not run.
    """
    groups = _failures_by_kind(records)
    blocks: list[Block] = [
        _card(f"{prefix}-failure-{number}", folder, group)
        for number, group in enumerate(groups[:MAX_CARDS], 1)
    ]
    further = groups[MAX_CARDS:]
    if further:
        sentences = tuple(
            f"{_cell_ids(group)}: {group[0].outcome.value}: {brief(group[0].reason)}"
            for group in further[:MAX_BULLETS]
        )
        title = plural(len(further), "more kind of failure", "more kinds of failure")
        blocks.append(Details(title, (BulletList(sentences),)))
    if missing:
        cells = plural(len(missing), "planned cell has", "planned cells have")
        text = f"{cells} not run: {listed(missing, MAX_NAMED_CELLS)}."
        blocks.append(Paragraph(text, Badge(Tone.NOT_RUN, "not run")))
    return Section(f"{prefix}-failures", "Failures", tuple(blocks)) if blocks else None


def _failures_by_kind(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records of failed cells, grouped by image, keras.json, outcome and reason."""
    groups: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if record.outcome is not Outcome.OK:
            key = (record.cell.group, record.outcome, record.reason)
            groups.setdefault(key, []).append(record)
    return list(groups.values())


def _card(card_id: str, folder: RunFolder, records: Sequence[Record]) -> Card:
    """Return the card of a kind of failure, with the log of its first cell."""
    record = records[0]
    blocks: list[Block] = [Paragraph(brief(record.reason))] if record.reason else []
    facts = {"cells": _cell_ids(records)}
    if record.exit_code is not None:
        facts["exit code"] = str(record.exit_code)
    facts |= _error_facts(record)
    blocks.append(Facts(tuple(facts.items())))
    error = record.observation.end.error if record.observation.end is not None else None
    if error is not None and error.traceback.strip():
        text = as_displayed(_shortened_text(error.traceback))
        listing = Listing(f"Traceback of {record.cell.id}", text)
        blocks.append(Details("Traceback", (listing,), unfolded=True))
    blocks.append(_log(folder, record))
    title = f"{record.cell.group.id}: {record.outcome.value}"
    return Card(card_id, title, Badge(Tone.FAILED, "failed"), tuple(blocks))


def _error_facts(record: Record) -> Mapping[str, str]:
    end = record.observation.end
    if end is None or end.error is None:
        return {}
    error = end.error
    facts = {"error": error.kind}
    if error.file:
        facts["line of the script"] = f"{error.file}:{error.line}" if error.line else error.file
    if error.deepest is not None:
        line = f":{error.deepest.line}" if error.deepest.line else ""
        facts["raised in"] = f"{error.deepest.file}{line}"
    if error.hint:
        facts["remedy"] = error.hint
    return facts


def _shortened_text(text: str) -> str:
    if len(text) <= MAX_HEAD + MAX_TAIL:
        return text
    return f"{text[:MAX_HEAD]}\n{ELLIPSIS}\n{text[-MAX_TAIL:]}"


def _log(folder: RunFolder, record: Record) -> Block:
    """Return a cell's log; without a file, the end of it that the record holds."""
    log = excerpt(folder.log_path(record.cell))
    label = f"Log of {record.cell.id}"
    if log is None or not log.text.strip():
        tail = "\n".join(record.log_tail)
        if tail.strip():
            return Details(f"{label}, its end", (Listing(label, as_displayed(tail)),))
        return Paragraph("The cell wrote no log.", quiet=True)
    omitted = f", {_size(log.omitted)} left out" if log.omitted else ""
    return Details(f"{label} ({_size(log.size)}{omitted})", (Listing(label, log.text),))


def _cell_ids(records: Sequence[Record]) -> str:
    return listed([record.cell.id for record in records], MAX_NAMED_CELLS)
