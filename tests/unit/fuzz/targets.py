"""What is asked of whatever reads what others wrote: to take it, or to refuse it in a sentence.

Each function takes bytes and fails where a reader does anything else. Hypothesis calls them in the
tests here, and atheris in ``tests/fuzz``.
"""

import csv as standard_csv
import io
import re
from collections.abc import Callable
from functools import partial
from json import loads
from pathlib import Path
from typing import TypeVar
from xml.etree import ElementTree

import msgspec
from rich.console import Console

from keras_matrix.compare import assess, matrix
from keras_matrix.errors import KerasMatrixError
from keras_matrix.history import rows, series, summary
from keras_matrix.history.database import History
from keras_matrix.load import catalog, data_sets, notebook, reported, tolerances
from keras_matrix.load import suites as suite_files
from keras_matrix.plan import contract, tolerance
from keras_matrix.plan.question import Question
from keras_matrix.records import arrays, observation, recorded
from keras_matrix.records.files import to_json
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.observation import Observation
from keras_matrix.records.untrusted import MAX_LINE_BYTES, MAX_READ_BYTES, Tail, UnreadableError
from keras_matrix.report import annotations, csv, json, junit, markdown, table
from keras_matrix.report import history as history_report
from keras_matrix.report import suite as suite_report
from keras_matrix.report.mlflow import entries
from keras_matrix.report.page import charts, compose, render, sources
from keras_matrix.report.progress import words
from keras_matrix.run.cell.watch import EventReader
from keras_matrix.text import printable
from keras_matrix.trace import dump
from tests.unit.report.page import builders as page_builders

LONGEST = 1000

Result = TypeVar("Result")


def taken(action: Callable[[], Result], *refusals: type[Exception]) -> Result | None:
    """Return what an action returns, None if it refuses in a sentence."""
    try:
        return action()
    except refusals as error:
        check_sentence(str(error))
        return None


def check_sentence(text: str) -> None:
    """Check that a message is one printable line of bounded length."""
    assert text.strip()
    assert len(text) <= LONGEST
    assert text.splitlines() == [text]
    assert printable(text) == text


def event_stream(content: bytes) -> None:
    for complete in (True, False):
        result = taken(partial(observation.parse, content, complete=complete), UnreadableError)
        if result is not None:
            written = to_json(result)
            assert msgspec.json.decode(written, type=Observation) == result
    watched(content)


def watched(content: bytes) -> None:
    """Feed a live view, which passes over what it cannot read."""
    for compiles in (True, False):
        reader = EventReader(compiles=compiles)
        for line in content.split(b"\n"):
            reader.take(line)
            told = words.how_far(reader.seen)
            assert printable(told) == told
            assert len(told) <= LONGEST
            dump.stage_of_line(line)


def tail(content: bytes, folder: Path) -> None:
    """Follow a file that grows, is cut short and replaced, as the content says."""
    path = folder / "followed"
    path.write_bytes(b"")
    follower = Tail(folder, path.name)
    for step in content.split(b"\xff"):
        how, piece = step[:1], step[1:]
        if how == b"r":
            path.unlink(missing_ok=True)
            path.write_bytes(piece)
        elif how == b"t":
            path.write_bytes(piece)
        elif how == b"d":
            path.unlink(missing_ok=True)
        elif how == b"l":
            path.unlink(missing_ok=True)
            path.symlink_to("/dev/zero")
        elif not path.is_symlink():
            with path.open("ab") as file:
                file.write(piece * (1 + 300 * (how == b"m")))
        result = follower.lines()
        assert all(b"\n" not in line and len(line) <= MAX_LINE_BYTES for line in result)
        assert sum(map(len, result)) <= MAX_READ_BYTES + MAX_LINE_BYTES
    path.unlink(missing_ok=True)


def array_archive(content: bytes, folder: Path) -> None:
    path = folder / "array.npz"
    path.write_bytes(content)
    result = taken(lambda: arrays.read(path), UnreadableError)
    assert result is None or result.dtype == "float64"


def array_file(content: bytes, folder: Path) -> None:
    path = folder / "1.npy"
    path.write_bytes(content)
    taken(lambda: dump.read_array(path), UnreadableError)


def trace_index(content: bytes, folder: Path) -> None:
    (folder / contract.INDEX_FILE).write_bytes(content)
    result = taken(lambda: dump.read(folder), UnreadableError)
    for key in result.arrays if result is not None else ():
        assert result is not None
        taken(lambda: result.array(key), UnreadableError)  # noqa: B023


def catalog_file(content: bytes, folder: Path) -> None:
    (folder / catalog.CATALOG_FILE).write_bytes(content)
    taken(lambda: catalog.load(folder), KerasMatrixError)


def tolerance_file(content: bytes, folder: Path) -> None:
    path = folder / tolerances.TOLERANCE_FILE
    path.write_bytes(content)
    result = taken(lambda: tolerances.load(path), KerasMatrixError)
    rules = tolerance.Tolerances(result or ())
    for kind in tolerance.MetricKind:
        rules.for_metric("evaluate.loss", kind, Question.DISTRIBUTION)


def reported_file(content: bytes, folder: Path) -> None:
    path = folder / reported.REPORTED_FILE
    path.write_bytes(content)
    taken(lambda: reported.load(path), KerasMatrixError)


def pytest_configuration(content: bytes, folder: Path) -> None:
    for name in ("pyproject.toml", *suite_files.SECTIONS):
        (folder / name).write_bytes(content)
        suite_files.configures(folder)
        (folder / name).unlink()


def notebook_file(content: bytes) -> None:
    result = taken(lambda: notebook.convert("a.ipynb", content), KerasMatrixError)
    for note in result.notes if result is not None else ():
        check_sentence(note)


def script_source(content: bytes) -> None:
    data_sets.loaded_modules(content)


def comparison_reports(folder: RunFolder) -> None:
    """Compare a run and write every report but the page; whatever it holds stays text."""
    result = taken(lambda: assess.compare_run(recorded.read(folder)), KerasMatrixError)
    if result is None:
        return
    assess.exit_code(result)
    run = recorded.read(folder)
    row = matrix.matrix_row(result, run.manifest)
    _check_csv(csv.render(result))
    _check_xml(junit.render(result, [run]))
    _check_commands(annotations.render(annotations.annotations(result, [run])))
    _check_markdown(markdown.render(result, [row]))
    loads(json.render(result))
    out = io.StringIO()
    table.show(result, Console(file=out, width=table.PLAIN_WIDTH, force_terminal=False))
    _check_printed(out.getvalue())
    kept = taken(lambda: summary.summarize(run, result), KerasMatrixError)
    if kept is not None:
        rows.run_row(kept)
        entries.matrix_entry(run.manifest, run.records, result, b"")
    for record in run.records:
        entries.cell_entry(run.manifest, record, b"")


def suite_reports(folder: RunFolder) -> None:
    """Compare a run of tests and write its reports."""
    result = taken(lambda: assess.compare_suite(recorded.read(folder)), KerasMatrixError)
    if result is None:
        return
    _check_markdown(suite_report.render_markdown(result))
    loads(suite_report.render_json(result))
    out = io.StringIO()
    suite_report.show(result, Console(file=out, width=200, force_terminal=False))
    _check_printed(out.getvalue())


def page(folder: RunFolder) -> None:
    """Write a run's page with its plots."""
    source = taken(lambda: sources.read(recorded.read(folder)), KerasMatrixError)
    if source is not None:
        page_builders.check(render.render(compose.compose([source], [charts.draw(source)], None)))


def _check_printed(text: str) -> None:
    assert printable(text) == text


def _check_csv(text: str) -> None:
    heading, *result = list(standard_csv.reader(io.StringIO(text, newline="")))
    for row in result:
        assert len(row) == len(heading)
        for value in row:
            assert len(value.splitlines()) <= 1
            assert not value.startswith(csv.FORMULA_STARTS) or _is_number(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_xml(text: str) -> None:
    suites = ElementTree.fromstring(text)  # noqa: S314 - our own
    known = {"testsuites", "testsuite", "properties", "property", "testcase"}
    known |= {"failure", "error", "skipped", "system-out"}
    assert {one.tag for one in suites.iter()} <= known


def _check_commands(text: str) -> None:
    for line in text.splitlines():
        assert line.startswith(("::error ", "::warning ", "::notice "))


def _check_markdown(text: str) -> None:
    _check_printed(text)
    own = ("<details>", "</details>", "<summary>", "</summary>", "<span>", "</span>", "<br>")
    outside = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", text)
    for result in re.finditer(r"(?<!\\)<[^>\s]*>?", outside):
        assert result[0] in own, result[0]


def history_file(content: bytes, folder: Path) -> None:
    """Read a database that may be anything, and what it tells of runs."""
    path = folder / "history.sqlite"
    path.write_bytes(content)
    for journal in folder.glob("history.sqlite-*"):
        journal.unlink()

    def told() -> None:
        with History(path) as history:
            out = Console(file=io.StringIO(), width=200, force_terminal=False)
            history_report.show_scripts(history.scripts(), out)
            result = history.runs()
            history_report.show_runs(result, out)
            for metric in series.metrics(result):
                history_report.show_series(result, series.series(result, metric), out)

    taken(told, KerasMatrixError)
