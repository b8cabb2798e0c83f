"""Cells that gave no result: why, where in the script, and the log."""

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
    Card,
    Facts,
    Fold,
    Listing,
    Paragraph,
    Points,
    Section,
    Tone,
)
from keras_matrix.text import brief, printable

MOST_GROUPS = 10
"""Kinds of failures that are told in full, with a log each."""
MOST_NAMED = 10
HEAD, TAIL = 4 * 2**10, 12 * 2**10
"""Bytes of a long log's beginning and end to show."""
LONGEST_LINE = 600


@dataclass(frozen=True)
class Excerpt:
    """A log, or its beginning and its end; ``size`` and ``omitted`` are bytes."""

    text: str
    size: int
    omitted: int


def excerpt(path: Path) -> Excerpt | None:
    """Read a log, of a long one its beginning and its end; None if there is none.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            if size <= HEAD + TAIL:
                return Excerpt(_shown(file.read(HEAD + TAIL)), size, 0)
            head = file.read(HEAD)
            file.seek(size - TAIL)
            tail = file.read(TAIL)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(
            f"Cannot read the log {path} ({error.strerror}); check its permissions."
        ) from error
    # Whole lines, where there are any.
    head = head[: head.rfind(b"\n") + 1] or head
    tail = tail[tail.find(b"\n") + 1 :] or tail
    omitted = size - len(head) - len(tail)
    gap = f"\n\N{HORIZONTAL ELLIPSIS} {_bytes(omitted)} left out \N{HORIZONTAL ELLIPSIS}\n\n"
    return Excerpt(f"{_shown(head).rstrip()}\n{gap}{_shown(tail)}", size, omitted)


def _shown(content: bytes) -> str:
    return shown(content.decode("utf-8", errors="replace"))


def shown(text: str) -> str:
    """Return output as a terminal leaves it: of a line that was redrawn its last state."""
    lines = (printable(line.rstrip("\r").rpartition("\r")[2]) for line in text.split("\n"))
    return "\n".join(_cut(line) for line in lines)


def _cut(line: str) -> str:
    if len(line) <= LONGEST_LINE:
        return line
    half = LONGEST_LINE // 2
    return f"{line[:half]} \N{HORIZONTAL ELLIPSIS} {line[-half:]}"


def _bytes(count: int) -> str:
    if count < 2**10:
        return f"{count} bytes"
    return f"{count / 2**10:.0f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def section(
    name: str, folder: RunFolder, records: Sequence[Record], missing: Sequence[str]
) -> Section | None:
    """Return a card for each kind of failure; None if nothing failed and all has run."""
    groups = _groups(records)
    blocks: list[Block] = [
        _card(f"{name}-failure-{number}", folder, found)
        for number, found in enumerate(groups[:MOST_GROUPS], 1)
    ]
    if len(groups) > MOST_GROUPS:
        lines = tuple(
            f"{_cells(found)}: {found[0].outcome.value}: {brief(found[0].reason)}"
            for found in groups[MOST_GROUPS : MOST_GROUPS + 100]
        )
        more = len(groups) - MOST_GROUPS
        blocks.append(Fold(f"{more} more kinds of failure", (Points(lines),)))
    if missing:
        have = "cell has" if len(missing) == 1 else "cells have"
        text = f"{len(missing)} planned {have} not run: {_listed(missing)}."
        blocks.append(Paragraph(text, Badge(Tone.NOT_RUN, "not run")))
    return Section(f"{name}-failures", "Failures", tuple(blocks)) if blocks else None


def _groups(records: Sequence[Record]) -> list[list[Record]]:
    """Return what failed, together what failed on one image for one reason."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if record.outcome is not Outcome.OK:
            key = (record.cell.group, record.outcome, record.reason)
            found.setdefault(key, []).append(record)
    return list(found.values())


def _card(name: str, folder: RunFolder, records: Sequence[Record]) -> Card:
    record = records[0]
    blocks: list[Block] = [Paragraph(brief(record.reason))] if record.reason else []
    facts = {"cells": _cells(records)}
    if record.exit_code is not None:
        facts["exit code"] = str(record.exit_code)
    facts |= _where(record)
    blocks.append(Facts(tuple(facts.items())))
    error = record.observation.end.error if record.observation.end is not None else None
    if error is not None and error.traceback.strip():
        text = shown(_shortened(error.traceback))
        listing = Listing(f"Traceback of {record.cell.id}", text)
        blocks.append(Fold("Traceback", (listing,), unfolded=True))
    blocks.append(_log(folder, record))
    title = f"{record.cell.group.id}: {record.outcome.value}"
    return Card(name, title, Badge(Tone.FAILED, "failed"), tuple(blocks))


def _where(record: Record) -> Mapping[str, str]:
    end = record.observation.end
    if end is None or end.error is None:
        return {}
    error = end.error
    found = {"error": error.kind}
    if error.file:
        found["line"] = f"{error.file}:{error.line}" if error.line else error.file
    if error.deepest is not None:
        line = f":{error.deepest.line}" if error.deepest.line else ""
        found["raised in"] = f"{error.deepest.file}{line}"
    if error.hint:
        found["what helps"] = error.hint
    return found


def _shortened(text: str) -> str:
    if len(text) <= HEAD + TAIL:
        return text
    return f"{text[:HEAD]}\n\N{HORIZONTAL ELLIPSIS}\n{text[-TAIL:]}"


def _log(folder: RunFolder, record: Record) -> Block:
    found = excerpt(folder.log_path(record.cell))
    label = f"Log of {record.cell.id}"
    if found is None or not found.text.strip():
        tail = "\n".join(record.log_tail)
        if tail.strip():
            return Fold(f"{label}, its end", (Listing(label, shown(tail)),))
        return Paragraph("It wrote no log.", quiet=True)
    cut = f", {_bytes(found.omitted)} of it left out" if found.omitted else ""
    return Fold(f"{label} ({_bytes(found.size)}{cut})", (Listing(label, found.text),))


def _cells(records: Sequence[Record]) -> str:
    return _listed([record.cell.id for record in records])


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
