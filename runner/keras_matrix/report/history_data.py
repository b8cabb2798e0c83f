"""Runs over time, for programs: as JSON, and as CSV."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from typing import Any

from keras_matrix.history.series import Point, Series
from keras_matrix.history.summary import MetricSummary, RunSummary, ScriptSummary, metrics_of
from keras_matrix.report.csv import csv_value
from keras_matrix.report.json import encode, number

SCHEMA = 1
SCRIPT_COLUMNS = ("model", "place", "runs", "first", "last", "run", "verdict")
METRIC_COLUMNS = (
    *("metric", "kind", "n", "median", "low", "high"),
    *("reference", "verdict", "absolute", "relative"),
)
RUN_COLUMNS = (
    *("created", "run", "model", "place", "commit", "script_sha256", "tool", "seeds", "image"),
    *("setting", "digest", "status", *METRIC_COLUMNS),
)
"""The columns of runs: those of the run, of the image, and of the metric."""


def scripts_as_json(scripts: Sequence[ScriptSummary]) -> str:
    """Render the scripts as JSON."""
    return encode({"schema": SCHEMA, "scripts": list(scripts)})


def runs_as_json(runs: Sequence[RunSummary]) -> str:
    """Render runs as JSON, oldest first."""
    described = [
        {**_fields(run), "metrics": [_fields(metric) for metric in run.metrics]} for run in runs
    ]
    return encode({"schema": SCHEMA, "runs": described})


def series_as_json(metric: str, series: Sequence[Series]) -> str:
    """Render a metric's series as JSON, oldest first."""
    described = [
        {"name": image.name, "points": [_fields(point) for point in image.points]}
        for image in series
    ]
    return encode({"schema": SCHEMA, "metric": metric, "series": described})


def _fields(value: RunSummary | MetricSummary | Point) -> dict[str, Any]:
    """Return the fields as they are, but for numbers that JSON cannot hold."""
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {
        name: number(content) if isinstance(content, float) else content
        for name, content in fields.items()
    }


def scripts_as_csv(scripts: Sequence[ScriptSummary]) -> str:
    """Render the scripts as CSV: a row for each."""
    return _csv(
        SCRIPT_COLUMNS,
        [
            (
                *(script.model, script.place, script.runs),
                *(script.first.isoformat(), script.last.isoformat()),
                *(script.run, script.status.value),
            )
            for script in scripts
        ],
    )


def runs_as_csv(runs: Sequence[RunSummary], metric: str | None = None) -> str:
    """Render runs as CSV: a row for each metric of each image, or for the one metric.

    An image without metrics has one row, without a metric.
    """
    rows = []
    for run in runs:
        of_run = (
            *(run.created.isoformat(), run.run, run.model, run.place, run.commit),
            *(run.script_sha256, run.tool, run.seeds),
        )
        for image in run.images:
            head = (*of_run, image.image, image.setting, image.digest, image.status.value)
            metrics = [
                _metric(summary)
                for summary in metrics_of(run, image)
                if metric in (None, summary.metric)
            ]
            rows += [(*head, *values) for values in metrics or [("",) * len(METRIC_COLUMNS)]]
    return _csv(RUN_COLUMNS, rows)


def _metric(summary: MetricSummary) -> tuple[Any, ...]:
    verdict = summary.verdict.value if summary.verdict is not None else ""
    return (
        *(summary.metric, summary.kind.value, summary.n),
        *(summary.median, summary.low, summary.high),
        *(summary.reference, verdict, summary.absolute, summary.relative),
    )


def _csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    content = io.StringIO(newline="")
    writer = csv.writer(content, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(header)
    writer.writerows([csv_value(value) for value in row] for row in rows)
    return content.getvalue()
