"""Compare what a suite's tests came to on several images, test by test. Pure."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from keras_matrix.compare.comparison import CellNote
from keras_matrix.errors import ExitCode, NothingSelectedError
from keras_matrix.plan.contract import CasePhase
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.suite_events import Case

SEPARATORS = ("::", "/")
"""Between a file, or a folder, and what is in it, in pytest's names of tests."""


class Result(Enum):
    """What became of a test on an image: pytest's outcomes, and why there may be none.

    ``CUT_OFF`` and ``NOT_RUN``: the cell ended while it ran, or before; ``ABSENT``: pytest did
    not collect it there.
    """

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    CUT_OFF = "cut off"
    NOT_RUN = "not run"
    ABSENT = "not there"


@dataclass(frozen=True)
class CaseSide:
    """A test on one image; ``place`` is where it failed, as ``file:line``."""

    image: str
    result: Result
    phase: CasePhase | None = None
    seconds: float | None = None
    message: str = ""
    place: str = ""


@dataclass(frozen=True)
class CaseRow:
    """A test on all images, in their order; ``test`` is pytest's name of it."""

    test: str
    sides: tuple[CaseSide, ...]

    @property
    def file(self) -> str:
        """The file that it is in."""
        return self.test.partition("::")[0]

    @property
    def name(self) -> str:
        """Its name within the file; the file's own, if that could not be collected."""
        return self.test.partition("::")[2] or self.test

    @property
    def differs(self) -> bool:
        """Tell whether it came to different things on the images that it was run on."""
        return len({side.result for side in self.sides} - {Result.NOT_RUN}) > 1

    def on(self, image: str) -> CaseSide:
        """Return its side of an image."""
        return next(side for side in self.sides if side.image == image)


@dataclass(frozen=True)
class Tally:
    """A suite on one image: how many tests came to what, in how many seconds.

    ``running`` is the test that the cell's end cut off, ``pytest`` its version there.
    """

    image: str
    counts: Mapping[Result, int]
    collected: int | None
    deselected: int
    seconds: float | None
    running: str
    pytest: str


@dataclass(frozen=True)
class SuiteComparison:
    """All that there is to report on a suite; ``rows`` are all tests, ``missing`` are cells."""

    title: str
    images: tuple[str, ...]
    tallies: tuple[Tally, ...]
    rows: tuple[CaseRow, ...]
    failures: tuple[CellNote, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[CaseRow, ...]:
        """The tests that came to different things, those of a file together."""
        files = list(dict.fromkeys(row.file for row in self.rows))
        found = [row for row in self.rows if row.differs]
        return tuple(sorted(found, key=lambda row: files.index(row.file)))

    @property
    def exit_code(self) -> ExitCode:
        """What it comes to: a cell that did not end well goes before a difference."""
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
    told = {image: _Told(by_image[image]) for image in images if image in by_image}
    failures = tuple(_failure(told[image]) for image in told if not told[image].ok)
    names = dict.fromkeys(test for one in told.values() for test in one.tests)
    known = [name for name in names if not _only_stands_for_others(name, told.values())]
    if not known and not failures:
        raise NothingSelectedError(
            f"pytest collected no test on {', '.join(told) or 'any image'}; check the path, and "
            "what -k or -m select."
        )
    sides = [[one.side(name) for name in known] for one in told.values()]
    return SuiteComparison(
        title=title,
        images=tuple(told),
        tallies=tuple(one.tally(side) for one, side in zip(told.values(), sides, strict=True)),
        rows=tuple(map(CaseRow, known, zip(*sides, strict=True))),
        failures=failures,
        missing=tuple(missing),
        notes=tuple(notes),
    )


class _Told:
    """What a cell told: its tests by name, and the files and folders that stand for theirs.

    A name that comes again counts on, as calls on models do: ``a.py::test#2``.
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
        """Return what became of a test that some image has told of."""
        image = self.record.cell.image
        case = self.tests.get(name) or self._standing_for(name)
        if case is None:
            return CaseSide(image, Result.ABSENT if self.ok else Result.NOT_RUN)
        if case.outcome is None:
            return CaseSide(image, Result.CUT_OFF, message=f"its cell ended: {self._outcome.value}")
        result = Result(case.outcome.value)
        return CaseSide(image, result, case.phase, case.seconds, case.message, case.place)

    def _standing_for(self, name: str) -> Case | None:
        return next((case for whole, case in self.whole.items() if within(name, whole)), None)

    def tally(self, sides: Sequence[CaseSide]) -> Tally:
        """Return what its tests came to."""
        suite, end = self.log.suite, self.record.observation.end
        running = self.log.running
        counts = Counter(side.result for side in sides)
        if suite is not None and not self.ok:
            # By its own count: some that it did not come to may not be known from elsewhere.
            run = sum(case.phase is not CasePhase.COLLECT for case in self.log.cases)
            counts[Result.NOT_RUN] = max(0, suite.collected - run)
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
    """Tell whether a test is in a file, or a folder."""
    return whole == "." or test.startswith(tuple(whole + separator for separator in SEPARATORS))


def _only_stands_for_others(name: str, told: Collection[_Told]) -> bool:
    """Tell whether a name is that of a file whose tests are known from another image."""
    having = [one for one in told if name in one.tests]
    if not all(name in one.whole for one in having):
        return False
    return any(within(test, name) for one in told for test in one.tests if test != name)


def _failure(told: _Told) -> CellNote:
    record, running = told.record, told.log.running
    reason = record.reason
    if running is not None:
        before = len(told.tests) - 1
        reason = f"{reason} It ended in {running.test}, after {before} test{'s' * (before != 1)}."
    return CellNote(record.cell.id, record.outcome, reason, record.log_tail)
