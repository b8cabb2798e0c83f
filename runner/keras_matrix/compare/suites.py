"""Compare the outcomes of a suite's tests on several images, test by test. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from keras_matrix.compare.comparison import CellNote
from keras_matrix.errors import ExitCode, NothingSelectedError
from keras_matrix.plan.contract import CaseOutcome, CasePhase
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.suite_events import Case
from keras_matrix.text import plural

SEPARATORS = ("::", "/")
"""What stands between a file, or a folder, and its content in pytest's names of tests."""


class NoOutcome(Enum):
    """Why a test has no outcome on an image.

    ``CUT_OFF`` and ``NOT_RUN``: the cell ended while the test ran, or before it did; ``ABSENT``:
    pytest did not collect the test there.
    """

    CUT_OFF = "cut off"
    NOT_RUN = "not run"
    ABSENT = "not there"


CaseResult = CaseOutcome | NoOutcome
RESULTS: tuple[CaseResult, ...] = (*CaseOutcome, *NoOutcome)
"""All results, in the order in which they are shown."""


@dataclass(frozen=True)
class CaseSide:
    """A test on one image; ``place`` is where it failed, as ``file:line``."""

    image: str
    result: CaseResult
    phase: CasePhase | None = None
    seconds: float | None = None
    message: str = ""
    place: str = ""


@dataclass(frozen=True)
class CaseRow:
    """A test on all images, in their order; ``test`` is pytest's name of the test."""

    test: str
    sides: tuple[CaseSide, ...]

    @property
    def file(self) -> str:
        """The file of the test."""
        return self.test.partition("::")[0]

    @property
    def name(self) -> str:
        """The test's name within its file; the file's own name if it could not be collected."""
        return self.test.partition("::")[2] or self.test

    @property
    def differs(self) -> bool:
        """Whether the test has different results on the images that it was run on."""
        return len({side.result for side in self.sides} - {NoOutcome.NOT_RUN}) > 1

    def on(self, image: str) -> CaseSide:
        """Return the test on one image."""
        return next(side for side in self.sides if side.image == image)


@dataclass(frozen=True)
class Tally:
    """A suite on one image: the number of tests with each result, and the seconds of all.

    ``running`` is the test that the cell's end cut off, ``pytest`` the version of pytest there.
    """

    image: str
    counts: Mapping[CaseResult, int]
    collected: int | None
    deselected: int
    seconds: float | None
    running: str
    pytest: str


@dataclass(frozen=True)
class SuiteComparison:
    """All that is reported of a suite; ``missing`` are the planned cells that have not run."""

    title: str
    images: tuple[str, ...]
    tallies: tuple[Tally, ...]
    rows: tuple[CaseRow, ...]
    failures: tuple[CellNote, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[CaseRow, ...]:
        """The tests whose results differ, those of a file together."""
        files = list(dict.fromkeys(row.file for row in self.rows))
        rows = [row for row in self.rows if row.differs]
        return tuple(sorted(rows, key=lambda row: files.index(row.file)))

    @property
    def exit_code(self) -> ExitCode:
        """The exit code; a cell that did not end well outranks a difference."""
        if self.failures or self.missing:
            return ExitCode.CELL_FAILED
        return ExitCode.DIFFER if self.differing else ExitCode.AGREE


def compare(
    title: str,
    records: Sequence[Record],
    images: Sequence[str],
    *,
    missing: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> SuiteComparison:
    """Compare the cells of a suite, at most one an image; ``missing`` names those not run yet.

    Raises:
        NothingSelectedError: no cell was run, or none that ended well has collected a test.
    """
    by_image = {record.cell.image: record for record in records}
    cells = {image: _Cell(by_image[image]) for image in images if image in by_image}
    failures = tuple(_failure(cell) for cell in cells.values() if not cell.ok)
    names = dict.fromkeys(test for cell in cells.values() for test in cell.tests)
    tests = [name for name in names if not _only_stands_for_others(name, cells.values())]
    if not tests and not failures:
        raise NothingSelectedError(
            f"pytest collected no test on {', '.join(cells) or 'any image'}; check the path, and "
            "what -k or -m select."
        )
    sides = [[cell.side(test) for test in tests] for cell in cells.values()]
    return SuiteComparison(
        title=title,
        images=tuple(cells),
        tallies=tuple(cell.tally(side) for cell, side in zip(cells.values(), sides, strict=True)),
        rows=tuple(map(CaseRow, tests, zip(*sides, strict=True))),
        failures=failures,
        missing=tuple(missing),
        notes=tuple(notes),
    )


class _Cell:
    """What a cell reported: its tests by name, and the files and folders that stand for theirs.

    A file or folder that could not be collected stands for its tests. A name that comes again is
    numbered, as calls on models are: ``a.py::test#2``.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.log = record.observation.suite
        self._outcome = record.outcome
        self.tests: dict[str, Case] = {}
        self.whole: dict[str, Case] = {}
        seen: Counter[str] = Counter()
        for case in self.log.cases:
            seen[case.test] += 1
            count = seen[case.test]
            name = case.test if count == 1 else f"{case.test}#{count}"
            self.tests[name] = case
            if case.phase is CasePhase.COLLECT:
                self.whole[name] = case

    @property
    def ok(self) -> bool:
        return self._outcome is Outcome.OK

    def side(self, name: str) -> CaseSide:
        """Return the result of a test that some image has reported."""
        image = self.record.cell.image
        case = self.tests.get(name) or self._standing_for(name)
        if case is None:
            return CaseSide(image, NoOutcome.ABSENT if self.ok else NoOutcome.NOT_RUN)
        if case.outcome is None:
            message = f"its cell ended: {self._outcome.value}"
            return CaseSide(image, NoOutcome.CUT_OFF, message=message)
        return CaseSide(image, case.outcome, case.phase, case.seconds, case.message, case.place)

    def _standing_for(self, name: str) -> Case | None:
        return next((case for whole, case in self.whole.items() if within(name, whole)), None)

    def tally(self, sides: Sequence[CaseSide]) -> Tally:
        """Count the results of the cell's tests."""
        suite, end = self.log.suite, self.record.observation.end
        running = self.log.running
        counts: Counter[CaseResult] = Counter(side.result for side in sides)
        if suite is not None and not self.ok:
            # By its own count: tests that it did not reach may not be known from other images.
            run = sum(case.phase is not CasePhase.COLLECT for case in self.log.cases)
            counts[NoOutcome.NOT_RUN] = max(0, suite.collected - run)
        return Tally(
            image=self.record.cell.image,
            counts=counts,
            collected=suite.collected if suite is not None else None,
            deselected=suite.deselected if suite is not None else 0,
            seconds=float(end.seconds) if end is not None else None,
            running=running.test if running is not None else "",
            pytest=suite.pytest if suite is not None else "",
        )


def within(test: str, whole: str) -> bool:
    """Return whether a test is in a file or folder; ``.`` is the root, which contains all."""
    return whole == "." or test.startswith(tuple(whole + separator for separator in SEPARATORS))


def _only_stands_for_others(name: str, cells: Collection[_Cell]) -> bool:
    """Return whether a name is that of a file whose tests another image has reported."""
    if any(name in cell.tests and name not in cell.whole for cell in cells):
        return False
    return any(within(test, name) for cell in cells for test in cell.tests if test != name)


def _failure(cell: _Cell) -> CellNote:
    record, running = cell.record, cell.log.running
    reason = record.reason
    if running is not None:
        before = plural(len(cell.tests) - 1, "test")
        reason = f"{reason} It ended in {running.test}, after {before}."
    return CellNote(record.cell.id, record.outcome, reason, record.log_tail)
