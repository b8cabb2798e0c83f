"""The matrix of a run: each image (and keras.json) summed up against its reference. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keras_matrix.compare.comparison import CellNote, Comparison, Row, Verdict
from keras_matrix.plan.cells import Cell
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.records.record import Manifest
from keras_matrix.text import listed, one_line, plural

MAX_NAMED = 2
"""Metrics that differ, or outcomes of failed cells, that a sentence names."""

MAX_NAME_LENGTH = 60


class Status(Enum):
    """The status of an entry of the matrix, in order of precedence, which is the exit code's."""

    FAILED = "failed"
    NOT_RUN = "not run"
    DIFFER = "differ"
    INCONCLUSIVE = "inconclusive"
    AGREE = "agree"
    REFERENCE = "reference"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Counts:
    """Counts of cells planned, failed and not run, and of metrics by their verdict.

    ``differing`` includes metrics that one side lacks.
    """

    cells: int = 0
    failed: int = 0
    not_run: int = 0
    judged: int = 0
    differing: int = 0
    inconclusive: int = 0

    @property
    def agreeing(self) -> int:
        """The number of judged metrics that agree."""
        return self.judged - self.differing - self.inconclusive


@dataclass(frozen=True)
class MatrixEntry:
    """One image with one keras.json: all its cells together, and the ``rows`` of its metrics.

    ``setting`` is the id of the keras.json, empty if the run has only one. ``reference`` names the
    entry that this one was compared with, empty for a reference itself. ``sentence`` is one line,
    which may contain names from scripts.
    """

    image: str
    setting: str
    status: Status
    sentence: str
    reference: str = ""
    counts: Counts = Counts()
    rows: tuple[Row, ...] = ()

    @property
    def name(self) -> str:
        """The name of the entry, which is that of its column."""
        return f"{self.image}.{self.setting}" if self.setting else self.image


@dataclass(frozen=True)
class MatrixRow:
    """One run of one model."""

    model: str
    run: str
    entries: tuple[MatrixEntry, ...]

    def entry(self, column: str) -> MatrixEntry | None:
        """Return the entry of a column; None if the run has no such image and keras.json."""
        return next((entry for entry in self.entries if entry.name == column), None)


@dataclass(frozen=True)
class _Variant:
    """An image with a keras.json, and its reference; ``alone`` if the run has no other variant."""

    image: str
    settings: KerasSettings
    reference: "_Variant | None"
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    alone: bool


def matrix_row(comparison: Comparison, manifest: Manifest) -> MatrixRow:
    """Return a run's row of the matrix; ``comparison`` is that of its own images."""
    plan = manifest.plan
    several = len({cell.settings for cell in plan.cells}) > 1
    without = {*comparison.missing, *(note.cell for note in comparison.failures)}
    entries = []
    for variant in _variants(comparison, manifest):
        own = {cell.id for cell in variant.cells}
        failed = [note for note in comparison.failures if note.cell in own]
        counts = _counts(variant, failed, own.intersection(comparison.missing))
        status = _status(variant, counts)
        entries.append(
            MatrixEntry(
                image=variant.image,
                setting=variant.settings.id if several else "",
                status=status,
                sentence=_sentence(status, variant, counts, failed, without),
                reference=_name(variant.reference, several),
                counts=counts,
                rows=variant.rows,
            )
        )
    return MatrixRow(plan.model, manifest.run, tuple(entries))


def columns(rows: Sequence[MatrixRow]) -> tuple[str, ...]:
    """Return the columns of several rows, in the order of their first entries."""
    return tuple(dict.fromkeys(entry.name for row in rows for entry in row.entries))


def overall(entries: Sequence[MatrixEntry]) -> Status:
    """Return the status of several entries together: the one that comes first in ``Status``."""
    order = list(Status)
    return min((entry.status for entry in entries), key=order.index, default=Status.NOT_JUDGED)


def _name(variant: _Variant | None, several: bool) -> str:
    if variant is None:
        return ""
    return f"{variant.image}.{variant.settings.id}" if several else variant.image


def _variants(comparison: Comparison, manifest: Manifest) -> list[_Variant]:
    """Return the variants as the comparison paired them: images in each setting, or settings."""
    plan = manifest.plan
    missing = set(comparison.missing)
    settings = list(dict.fromkeys(cell.settings for cell in plan.cells))
    # A comparison has the settings that have a record.
    recorded = list(dict.fromkeys(cell.settings for cell in plan.cells if cell.id not in missing))
    settings.sort(key=lambda setting: setting not in recorded)
    variants: list[_Variant] = []
    for setting in settings:
        for image in plan.images:
            cells = tuple(c for c in plan.cells if (c.image, c.settings) == (image, setting))
            reference, names = None, (image, "", "")
            if len(plan.images) > 1 and image != plan.images[0]:
                reference = next(v for v in reversed(variants) if v.image == plan.images[0])
                group = setting.id if len(recorded) > 1 else ""
                names = (reference.image, image, group)
            elif len(plan.images) == 1 and variants:
                reference = variants[0]
                names = (reference.settings.id, setting.id, image)
            alone = len(settings) == len(plan.images) == 1
            rows: tuple[Row, ...] = ()
            if setting in recorded and (alone or reference is not None):
                rows = tuple(r for r in comparison.rows if _names(r) == names)
            variants.append(_Variant(image, setting, reference, rows, cells, alone))
    return variants


def _names(row: Row) -> tuple[str, str, str]:
    return row.reference_name, row.other_name, row.group


def _counts(variant: _Variant, failed: Sequence[CellNote], not_run: set[str]) -> Counts:
    verdicts = Counter(row.verdict for row in variant.rows)
    return Counts(
        cells=len(variant.cells),
        failed=len(failed),
        not_run=len(not_run),
        judged=sum(verdicts.values()) - verdicts[Verdict.REPORTED],
        differing=verdicts[Verdict.DIFFER] + verdicts[Verdict.MISSING],
        inconclusive=verdicts[Verdict.INCONCLUSIVE],
    )


def _status(variant: _Variant, counts: Counts) -> Status:
    if counts.failed:
        return Status.FAILED
    if counts.not_run:
        return Status.NOT_RUN
    return _status_of_rows(variant, counts)


def _status_of_rows(variant: _Variant, counts: Counts) -> Status:
    """Return the status by the cells that ended well."""
    if variant.reference is None:
        return Status.NOT_JUDGED if variant.alone else Status.REFERENCE
    if counts.differing:
        return Status.DIFFER
    if counts.inconclusive:
        return Status.INCONCLUSIVE
    return Status.AGREE if counts.judged else Status.NOT_JUDGED


def _sentence(
    status: Status,
    variant: _Variant,
    counts: Counts,
    failed: Sequence[CellNote],
    without: set[str],
) -> str:
    parts = []
    if failed:
        outcomes = list(dict.fromkeys(note.outcome.value for note in failed))
        cells = plural(counts.cells, "cell")
        parts.append(f"{counts.failed} of {cells} failed: {listed(outcomes, MAX_NAMED)}")
    if counts.not_run:
        parts.append(f"{counts.not_run} of {plural(counts.cells, 'cell')} not run")
    if status not in (Status.FAILED, Status.NOT_RUN) or counts.judged:
        parts.append(_sentence_on_rows(variant, counts, without))
    return "; ".join(parts)


def _sentence_on_rows(variant: _Variant, counts: Counts, without: set[str]) -> str:
    status = _status_of_rows(variant, counts)
    if status is Status.NOT_JUDGED:
        return _why_not(variant, counts, without)
    of = plural(counts.judged, "judged metric")
    if status is Status.DIFFER:
        apart = [r for r in variant.rows if r.verdict in (Verdict.DIFFER, Verdict.MISSING)]
        named = listed([_short(row.metric) for row in apart], MAX_NAMED)
        return f"differs in {counts.differing} of {of}: {named}"
    if status is Status.INCONCLUSIVE:
        return f"too few seeds to tell in {counts.inconclusive} of {of}"
    if status is Status.AGREE:
        return f"agrees in {'all ' if counts.judged > 1 else ''}{of}"
    return f"{plural(counts.cells, 'cell')} ran"


def _why_not(variant: _Variant, counts: Counts, without: set[str]) -> str:
    cells = plural(counts.cells, "cell")
    if variant.reference is None:
        return f"{cells} ran; nothing to compare {'it' if counts.cells == 1 else 'them'} with"
    if all(cell.id in without for cell in variant.reference.cells):
        return f"{cells} ran, but the reference gave no result"
    return "nothing that both sides measured is judged"


def _short(name: str) -> str:
    line = one_line(name)
    if len(line) <= MAX_NAME_LENGTH:
        return line
    return f"{line[: MAX_NAME_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"
