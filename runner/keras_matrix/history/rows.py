"""Convert the summary of a run to rows of the history's tables, and back. Pure."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import MAXYEAR, datetime
from typing import Any

import msgspec

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.history.summary import ImageSummary, MetricSummary, RunSummary, ScriptSummary
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Outcome

MIN_YEAR = 1970
RowValues = Mapping[Any, Any]
"""The values of a row, by column."""


def run_row(run: RunSummary) -> dict[str, Any]:
    """Return the row of the run itself."""
    return {
        "run": run.run,
        "created": run.created.isoformat(),
        "folder": run.folder,
        "model": run.model,
        "place": run.place,
        "script_sha256": run.script_sha256,
        "commit": run.commit,
        "tool": run.tool,
        "axes": run.axes,
        "arguments": json.dumps(run.arguments),
        "reference": run.reference,
        "seeds": run.seeds,
        "repeats": run.repeats,
        "status": run.status.value,
    }


def image_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every image with every keras.json."""
    return [
        {
            "position": position,
            "image": entry.image,
            "setting": entry.setting,
            "digest": entry.digest,
            "key": entry.key,
            "status": entry.status.value,
        }
        for position, entry in enumerate(run.images)
    ]


def outcome_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every outcome of an image's cells."""
    return [
        {
            "image": entry.image,
            "setting": entry.setting,
            "outcome": outcome.value,
            "count": count,
        }
        for entry in run.images
        for outcome, count in entry.outcomes.items()
    ]


def metric_rows(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every metric of every image."""
    return [
        {
            "position": position,
            "image": entry.image,
            "setting": entry.setting,
            "metric": entry.metric,
            "kind": entry.kind.value,
            "n": entry.n,
            "median": entry.median,
            "low": entry.low,
            "high": entry.high,
            "reference": entry.reference,
            "verdict": entry.verdict.value if entry.verdict is not None else None,
            "absolute": entry.absolute,
            "relative": entry.relative,
        }
        for position, entry in enumerate(run.metrics)
    ]


def to_run(
    row: RowValues,
    images: Sequence[RowValues],
    outcomes: Sequence[RowValues],
    metrics: Sequence[RowValues],
) -> RunSummary:
    """Return the summary of a run from its rows.

    Raises:
        ValueError: a value is not one that this version writes.
    """
    ended: dict[tuple[str, str], dict[Outcome, int]] = {}
    for entry in outcomes:
        counts = ended.setdefault((entry["image"], entry["setting"]), {})
        counts[Outcome(entry["outcome"])] = entry["count"]
    run = RunSummary(
        run=row["run"],
        created=_in_utc(row["created"]),
        folder=row["folder"],
        model=row["model"],
        place=row["place"],
        script_sha256=row["script_sha256"],
        commit=row["commit"],
        tool=row["tool"],
        axes=row["axes"],
        arguments=tuple(json.loads(row["arguments"])),
        reference=row["reference"],
        seeds=row["seeds"],
        repeats=row["repeats"],
        status=Status(row["status"]),
        images=tuple(
            ImageSummary(
                image=entry["image"],
                setting=entry["setting"],
                digest=entry["digest"],
                key=entry["key"],
                status=Status(entry["status"]),
                outcomes=ended.get((entry["image"], entry["setting"]), {}),
            )
            for entry in _in_order(images)
        ),
        metrics=tuple(_metric(entry) for entry in _in_order(metrics)),
    )
    # Checked by type, as SQLite stores values of any type in any column.
    return msgspec.convert(msgspec.to_builtins(run, builtin_types=(bytes,)), RunSummary)


def to_script(runs: Sequence[RowValues]) -> ScriptSummary:
    """Return the summary of a script from the rows of its runs, oldest first.

    Raises:
        ValueError: a value is not one that this version writes.
    """
    first, last = runs[0], runs[-1]
    script = ScriptSummary(
        model=last["model"],
        place=last["place"],
        runs=len(runs),
        first=_in_utc(first["created"]),
        last=_in_utc(last["created"]),
        run=last["run"],
        status=Status(last["status"]),
    )
    return msgspec.convert(msgspec.to_builtins(script, builtin_types=(bytes,)), ScriptSummary)


def _metric(row: RowValues) -> MetricSummary:
    return MetricSummary(
        image=row["image"],
        setting=row["setting"],
        metric=row["metric"],
        kind=MetricKind(row["kind"]),
        n=row["n"],
        median=_number(row["median"]),
        low=_number(row["low"]),
        high=_number(row["high"]),
        reference=row["reference"],
        verdict=None if row["verdict"] is None else Verdict(row["verdict"]),
        absolute=row["absolute"],
        relative=row["relative"],
    )


def _in_utc(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None or not MIN_YEAR <= when.year < MAXYEAR:
        raise ValueError(f"{text} is not a time at which a run was made")
    return when


def _number(value: float | None) -> float:
    # SQLite stores NaN as NULL.
    return math.nan if value is None else value


def _in_order(rows: Iterable[RowValues]) -> list[RowValues]:
    return sorted(rows, key=lambda row: int(row["position"]))
