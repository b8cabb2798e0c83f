"""The runs of a page, each with what it is compared with."""

import os
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
from keras_matrix.plan.tolerance import NO_RULES, Tolerances
from keras_matrix.records.folder import TRACE_FILE
from keras_matrix.records.recorded import RecordedRun
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.trace.result import SCHEMA, Trace

MAX_TRACE_BYTES = 256 * 2**20


@dataclass(frozen=True, kw_only=True)
class RunSource(RecordedRun):
    """A run and its comparison; ``reproduction`` if its script came with reported figures.

    ``reported_from`` is the title of the text that reported them, empty if it is not known.
    """

    comparison: Comparison
    reproduction: Reproduction | None = None
    reported_from: str = ""


@dataclass(frozen=True, kw_only=True)
class TraceSource(RecordedRun):
    """A trace; its records are those of its captures."""

    trace: Trace


@dataclass(frozen=True, kw_only=True)
class SuiteSource(RecordedRun):
    """A run of tests, compared test by test."""

    comparison: SuiteComparison


Source = RunSource | TraceSource | SuiteSource


def read(
    run: RecordedRun,
    tolerances: Tolerances = NO_RULES,
    reported_file: Path | None = None,
    *,
    own: Comparison | None = None,
) -> Source:
    """Compare a run by its kind; the figures of ``reported_file`` are compared with the run.

    ``own`` is the comparison of the run's images with each other; without it, they are compared
    here.

    Raises:
        KerasMatrixError: the run is damaged or has no record, or the figures do not fit it.
    """
    folder, manifest = run.folder, run.manifest
    if manifest.kind is RunKind.TRACE:
        return TraceSource(**vars(run), trace=_read_trace(folder.path / TRACE_FILE))
    if not run.records:
        raise NothingSelectedError(
            f"{folder.path} holds no record; run it with 'keras-matrix run' first."
        )
    if manifest.kind is RunKind.TESTS:
        return SuiteSource(**vars(run), comparison=assess.compare_suite(run))
    comparison = assess.compare_run(run, tolerances) if own is None else own
    several_settings = len({cell.settings for cell in manifest.plan.cells}) > 1
    if several_settings and reported_file is not None:
        raise ConfigurationError(
            f"--reported: {folder.path} has several keras.json, but reported figures belong to "
            "one; name a run with one keras.json."
        )
    beside_script = folder.path / "script" / reported.REPORTED_FILE
    path = reported_file or (beside_script if beside_script.is_file() else None)
    if path is None or several_settings:
        return RunSource(**vars(run), comparison=comparison)
    figures = reported.load(path)
    return RunSource(
        **vars(run),
        comparison=comparison,
        reproduction=assess.reproduce(run, figures),
        reported_from=figures.source.get("title", ""),
    )


def _read_trace(path: Path) -> Trace:
    remedy = "trace again"
    if not os.path.lexists(path):
        raise NothingSelectedError(
            f"{path.parent} is a trace that did not end, so it has no {path.name}; {remedy}."
        )
    try:
        content = read_bounded(path, MAX_TRACE_BYTES)
        trace = msgspec.json.decode(content, type=Trace)
    except (UnreadableError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise StoreError(f"{path} is damaged ({error}); {remedy}.") from error
    if trace.schema != SCHEMA:
        raise StoreError(
            f"{path} has schema {trace.schema}, this version reads {SCHEMA}; {remedy}."
        )
    return trace
