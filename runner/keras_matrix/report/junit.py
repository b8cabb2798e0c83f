"""A comparison as JUnit XML: a test case for each cell, and for each judged metric.

The elements and attributes are those of the schema that Jenkins's xUnit plugin publishes
(junit-10.xsd), which GitLab and others read as well: so no properties in a test case.
"""

import io
import re
from collections.abc import Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.junitparser import SystemOut

from keras_matrix.compare import figures, notes
from keras_matrix.compare.comparison import Comparison, Row, Verdict, by_pair
from keras_matrix.plan.cells import Cell, Group, Plan
from keras_matrix.records.record import Outcome, Record
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.report.questions import describe_questions
from keras_matrix.report.words import describe_difference, describe_inconclusive
from keras_matrix.text import brief, one_line, printable

ERROR_OUTCOMES = frozenset(
    {
        Outcome.KILLED,
        Outcome.BAD_OUTPUT,
        Outcome.MISMATCH,
        Outcome.LIMIT_NOT_APPLIED,
        Outcome.INTERRUPTED,
        Outcome.ENGINE_ERROR,
    }
)
"""Outcomes that are not the script's fault, so errors; the others are failures of the script."""
SECONDS_DIGITS = 3
"""Digits after the decimal point of a time in seconds."""
_INVALID_IN_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 does not allow, besides control characters."""


def render(comparison: Comparison, runs: Sequence[RecordedRun]) -> str:
    """Render JUnit XML: a suite for each image of each of the ``runs``, and for each pair.

    A metric with too few seeds for a verdict is skipped, with the reason: it neither agrees nor
    differs. Metrics that are only reported are not test cases; their figures are in the output of
    the pair's suite.
    """
    suites = [suite for run in runs for suite in _cell_suites(run)]
    if suites and comparison.notes:
        suites[0].append(SystemOut("\n".join(_text(note) for note in comparison.notes)))
    suites += _pair_suites(comparison)
    root = JUnitXml(_name(comparison.title))
    for suite in suites:
        suite.update_statistics()
        root.append(suite)
    # The library's own method also sets the attribute ``skipped``, which the schema lacks.
    root.tests = sum(suite.tests for suite in suites)
    root.failures = sum(suite.failures for suite in suites)
    root.errors = sum(suite.errors for suite in suites)
    root.time = round(sum(suite.time for suite in suites), SECONDS_DIGITS)
    content = io.BytesIO()
    root.write(content, pretty=True)
    return content.getvalue().decode("utf-8")


def _text(text: str) -> str:
    return _INVALID_IN_XML.sub("", printable(text))


def _name(text: str) -> str:
    return one_line(_text(text))


def _cell_suites(run: RecordedRun) -> Iterator[TestSuite]:
    recorded = {record.cell.id: record for record in run.records}
    groups: dict[Group, list[Cell]] = {}
    for cell in _by_image_and_seed(run.manifest.plan):
        groups.setdefault(cell.group, []).append(cell)
    for group, cells in groups.items():
        suite = TestSuite(_name(f"{run.name}: cells on {group.id}"))
        records = [recorded[cell.id] for cell in cells if cell.id in recorded]
        for name, value in _properties(run, cells, records):
            suite.add_property(name, _name(value))
        if records:
            suite.timestamp = min(record.started for record in records)
        classname = _name(f"{run.manifest.plan.model}.{group.id}")
        suite.add_testcases([_cell_case(cell, recorded.get(cell.id), classname) for cell in cells])
        yield suite


def _by_image_and_seed(plan: Plan) -> list[Cell]:
    """Return a plan's cells image by image and seed by seed, not in the order they run."""
    images = {image: index for index, image in enumerate(plan.images)}
    seeds = sorted(plan.cells, key=lambda cell: (cell.seed or 0, cell.repeat))
    return sorted(seeds, key=lambda cell: images[cell.image])


def _properties(
    run: RecordedRun, cells: Sequence[Cell], records: Sequence[Record]
) -> Iterator[tuple[str, str]]:
    yield "run", run.name
    yield "model", run.manifest.plan.model
    yield "script.sha256", run.manifest.plan.script_sha256
    yield "tool", run.manifest.tool
    seeds = dict.fromkeys("none" if cell.seed is None else str(cell.seed) for cell in cells)
    yield "seeds", ", ".join(seeds)
    image = next((record.image for record in records if record.image is not None), None)
    if image is not None:
        yield "image", image.name
        yield "image.id", image.id
        yield "image.key", image.key
        yield "image.base", f"{image.base.value} {image.base_digest}"
    environments = (record.observation.environment for record in records)
    environment = next(filter(None, environments), None)
    if environment is not None:
        yield "backend", environment.backend
        yield "keras", environment.keras
        yield "python", environment.python
        yield "floatx", environment.floatx


def _cell_case(cell: Cell, record: Record | None, classname: str) -> TestCase:
    seconds = 0.0 if record is None else record.timing.create + record.timing.run
    case = TestCase(_name(cell.id), classname, round(seconds, SECONDS_DIGITS))
    if record is None:
        case.result = Skipped("This cell is planned and has not run yet.", "not run")
    elif record.outcome is not Outcome.OK:
        kind = Error if record.outcome in ERROR_OUTCOMES else Failure
        result = kind(_name(brief(record.reason)), record.outcome.value)
        (note,) = notes.failures([record])
        result.text = _text("\n".join((record.reason, *note.log_tail)))
        case.result = result
    return case


def _pair_suites(comparison: Comparison) -> Iterator[TestSuite]:
    for (reference, other), rows in by_pair(comparison.rows).items():
        judged = [row for row in rows if row.verdict is not Verdict.REPORTED]
        if not judged:
            continue
        suite = TestSuite(_name(f"{comparison.title}: {other} against {reference}"))
        suite.add_property("reference", _name(reference))
        suite.add_property("other", _name(other))
        classname = _name(f"{other} against {reference}")
        suite.add_testcases(
            [_metric_case(row, classname, comparison.seed_seconds) for row in judged]
        )
        reported = [_reported(row) for row in rows if row.verdict is Verdict.REPORTED]
        lines = (*describe_questions(comparison), *reported)
        suite.append(SystemOut("\n".join(map(_text, lines))))
        yield suite


def _metric_case(row: Row, classname: str, seed_seconds: float | None) -> TestCase:
    case = TestCase(_name(figures.metric(row)), classname, 0.0)
    if row.verdict in (Verdict.DIFFER, Verdict.MISSING):
        case.result = _result(Failure, row.verdict, describe_difference(row), row)
    elif row.verdict is Verdict.INCONCLUSIVE:
        message = f"Too few seeds to tell: {describe_inconclusive(row, seed_seconds)}"
        case.result = _result(Skipped, row.verdict, message, row)
    return case


def _result(
    kind: type[Failure] | type[Skipped], verdict: Verdict, message: str, row: Row
) -> Failure | Skipped:
    result = kind(_name(message), verdict.value)
    result.text = _text("\n".join(f"{name}: {value}" for name, value in _figures(row)))
    return result


def _figures(row: Row) -> Iterator[tuple[str, str]]:
    yield one_line(row.reference_name), figures.summary(row.reference)
    yield one_line(row.other_name), figures.summary(row.other)
    yield "difference", figures.number(row.absolute)
    yield "relative", figures.relative(row)
    yield "allowed", figures.tolerance(row)
    if row.asked is not None:
        yield "question", f"same {row.asked.question.value}? {row.asked.why}"
    if row.certain:
        yield "certain", row.certain
    if row.seeds is not None:
        yield "furthest apart", f"seed {row.seeds.worst.seed}"
    if row.inference is not None:
        yield "interval", figures.interval(row)
        yield "method", row.inference.method


def _reported(row: Row) -> str:
    sides = f"{row.reference_name} {figures.summary(row.reference)}"
    if row.other_name:
        sides += f", {row.other_name} {figures.summary(row.other)}"
    return f"{figures.metric(row)}: {one_line(sides)} (reported, not judged)"
