"""Runs over time, for programs: as JSON, and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from keras_matrix.history.series import Point, Series
from keras_matrix.history.summary import MetricSummary, RunSummary, ScriptSummary, metrics_of
from keras_matrix.report.csv import written
from keras_matrix.report.json import encode, number

SCHEMA = 1
NONE = (None,)
"""The metrics of an image that has none."""


def scripts_as_json(scripts: Sequence[ScriptSummary]) -> str:
    """Return the scripts as JSON."""
    return encode({"schema": SCHEMA, "scripts": list(scripts)})


def runs_as_json(runs: Sequence[RunSummary]) -> str:
    """Return runs as JSON, oldest first."""
    return encode({"schema": SCHEMA, "runs": [_run(run) for run in runs]})


def series_as_json(metric: str, found: Sequence[Series]) -> str:
    """Return a metric's series as JSON, oldest first."""
    described = [{"name": one.name, "points": [_point(p) for p in one.points]} for one in found]
    return encode({"schema": SCHEMA, "metric": metric, "series": described})


def scripts_as_csv(scripts: Sequence[ScriptSummary]) -> str:
    """Return the scripts as CSV: a row for each."""
    header = ("model", "place", "runs", "first", "last", "run", "verdict")
    return _csv(
        header,
        [
            (
                one.model,
                one.place,
                one.runs,
                one.first.isoformat(),
                one.last.isoformat(),
                one.run,
                one.status.value,
            )
            for one in scripts
        ],
    )


RUN_COLUMNS = (
    *("created", "run", "model", "place", "commit", "script_sha256", "tool", "seeds", "image"),
    *("setting", "digest", "status", "metric", "kind", "n", "median", "low", "high"),
    *("reference", "verdict", "absolute", "relative"),
)


def runs_as_csv(runs: Sequence[RunSummary], metric: str | None = None) -> str:
    """Return runs as CSV: a row for each metric (or that one) of each image.

    An image without any has one row, without a metric.
    """
    lines = []
    for run in runs:
        known = (run.created.isoformat(), run.run, run.model, run.place, run.commit)
        for image in run.images:
            head = (*known, run.script_sha256, run.tool, run.seeds, image.image, image.setting)
            found = [one for one in metrics_of(run, image) if metric in (None, one.metric)]
            lines += [
                (*head, image.digest, image.status.value, *_values(one)) for one in found or NONE
            ]
    return _csv(RUN_COLUMNS, lines)


def _values(one: MetricSummary | None) -> tuple[Any, ...]:
    if one is None:
        return ("",) * 10
    verdict = one.verdict.value if one.verdict is not None else ""
    return (
        *(one.metric, one.kind.value, one.n, one.median, one.low, one.high),
        *(one.reference, verdict, one.absolute, one.relative),
    )


def _csv(header: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    content = io.StringIO(newline="")
    writer = csv.writer(content, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([written(value) for value in line] for line in lines)
    return content.getvalue()


def _run(run: RunSummary) -> dict[str, Any]:
    return {
        "run": run.run,
        "created": run.created,
        "folder": run.folder,
        "model": run.model,
        "place": run.place,
        "script_sha256": run.script_sha256,
        "commit": run.commit,
        "tool": run.tool,
        "axes": run.axes,
        "arguments": run.arguments,
        "reference": run.reference,
        "seeds": run.seeds,
        "repeats": run.repeats,
        "status": run.status,
        "images": run.images,
        "metrics": [_metric(one) for one in run.metrics],
    }


def _metric(one: MetricSummary) -> dict[str, Any]:
    return {
        "image": one.image,
        "setting": one.setting,
        "metric": one.metric,
        "kind": one.kind,
        "n": one.n,
        "median": number(one.median),
        "low": number(one.low),
        "high": number(one.high),
        "reference": one.reference,
        "verdict": one.verdict,
        "absolute": number(one.absolute),
        "relative": number(one.relative),
    }


def _point(point: Point) -> dict[str, Any]:
    return {
        "run": point.run,
        "created": point.created,
        "n": point.n,
        "median": number(point.median),
        "low": number(point.low),
        "high": number(point.high),
        "verdict": point.verdict,
    }
