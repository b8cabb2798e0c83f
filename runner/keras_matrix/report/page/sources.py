"""What a page tells of, read from run folders."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from keras_matrix.compare import assess
from keras_matrix.compare.comparison import Comparison
from keras_matrix.compare.reproduction import Reproduction
from keras_matrix.compare.suites import SuiteComparison
from keras_matrix.errors import ConfigurationError, NothingSelectedError, StoreError
from keras_matrix.load import reported
from keras_matrix.plan.cells import RunKind
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records.folder import TRACE_FILE
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.trace.result import SCHEMA, Trace

MAX_TRACE = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class RunSource(RecordedRun):
    """A run that was compared; ``reproduction`` if its script came with reported figures."""

    comparison: Comparison
    reproduction: Reproduction | None = None
    reported_from: str = ""


@dataclass(frozen=True, kw_only=True)
class TraceSource(RecordedRun):
    """A trace. Its records are those of its captures."""

    trace: Trace


@dataclass(frozen=True, kw_only=True)
class SuiteSource(RecordedRun):
    """A run of tests, compared test by test."""

    comparison: SuiteComparison


Source = RunSource | TraceSource | SuiteSource


def read(
    run: RecordedRun,
    rules: Sequence[Tolerance],
    figures: Path | None,
    comparison: Comparison | None = None,
) -> Source:
    """Compare a run as its kind is; ``figures`` is a file of reported figures to compare with it.

    Without ``comparison``, that of its images, it is made.

    Raises:
        KerasMatrixError: the run is damaged or holds nothing, or the figures do not fit it.
    """
    folder, manifest = run.folder, run.manifest
    if manifest.kind is RunKind.TRACE:
        found = _trace(folder.path / TRACE_FILE)
        return TraceSource(**vars(run), trace=found)
    if not run.records:
        raise NothingSelectedError(
            f"{folder.path} holds no record; run it with 'keras-matrix run' first."
        )
    if manifest.kind is RunKind.TESTS:
        return SuiteSource(**vars(run), comparison=assess.compare_suite(run))
    if comparison is None:
        comparison = assess.compare_run(run, rules)
    beside = folder.path / "script" / reported.REPORTED_FILE
    path = figures if figures is not None else beside if beside.is_file() else None
    several = len({cell.settings for cell in manifest.plan.cells}) > 1
    if several and figures is not None:
        raise ConfigurationError(
            f"--reported: {folder.path} has several keras.json, and a report is of one; "
            "name a run with one."
        )
    if path is None or several:
        return RunSource(**vars(run), comparison=comparison)
    told = reported.load(path)
    return RunSource(
        **vars(run),
        comparison=comparison,
        reproduction=assess.reproduce(run, told),
        reported_from=told.source.get("title", ""),
    )


def _trace(path: Path) -> Trace:
    remedy = "trace again"
    if not os.path.lexists(path):
        raise NothingSelectedError(
            f"{path.parent} is a trace that did not end, so it has no {path.name}; {remedy}."
        )
    try:
        content = read_bounded(path, MAX_TRACE)
        found = msgspec.json.decode(content, type=Trace)
    except (UnreadableError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}); {remedy}.") from error
    if found.schema != SCHEMA:
        raise StoreError(
            f"{path} has schema {found.schema}, this version reads {SCHEMA}; {remedy}."
        )
    return found
