"""Between the summary of a run and the rows of the history's tables. Pure."""

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

FIRST_YEAR = 1970
Values = Mapping[Any, Any]
"""The values of a row, by column."""


def of_run(run: RunSummary) -> dict[str, Any]:
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


def of_images(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every image with every keras.json."""
    return [
        {
            "position": position,
            "image": one.image,
            "setting": one.setting,
            "digest": one.digest,
            "key": one.key,
            "status": one.status.value,
        }
        for position, one in enumerate(run.images)
    ]


def of_outcomes(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every way in which cells of an image ended."""
    return [
        {
            "image": one.image,
            "setting": one.setting,
            "outcome": outcome.value,
            "count": count,
        }
        for one in run.images
        for outcome, count in one.outcomes.items()
    ]


def of_metrics(run: RunSummary) -> list[dict[str, Any]]:
    """Return a row for every metric of every image."""
    return [
        {
            "position": position,
            "image": one.image,
            "setting": one.setting,
            "metric": one.metric,
            "kind": one.kind.value,
            "n": one.n,
            "median": one.median,
            "low": one.low,
            "high": one.high,
            "reference": one.reference,
            "verdict": one.verdict.value if one.verdict is not None else None,
            "absolute": one.absolute,
            "relative": one.relative,
        }
        for position, one in enumerate(run.metrics)
    ]


def to_run(
    row: Values, images: Sequence[Values], outcomes: Sequence[Values], metrics: Sequence[Values]
) -> RunSummary:
    """Return the summary that rows were made of.

    Raises:
        ValueError: a value is none that this version writes.
    """
    ended: dict[tuple[str, str], dict[Outcome, int]] = {}
    for one in outcomes:
        known = ended.setdefault((one["image"], one["setting"]), {})
        known[Outcome(one["outcome"])] = one["count"]
    made = RunSummary(
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
                image=one["image"],
                setting=one["setting"],
                digest=one["digest"],
                key=one["key"],
                status=Status(one["status"]),
                outcomes=ended.get((one["image"], one["setting"]), {}),
            )
            for one in _in_order(images)
        ),
        metrics=tuple(_metric(one) for one in _in_order(metrics)),
    )
    # SQLite holds values of any type in any column.
    return msgspec.convert(msgspec.to_builtins(made, builtin_types=(bytes,)), RunSummary)


def to_script(runs: Sequence[Values]) -> ScriptSummary:
    """Return what rows of runs of one script, oldest first, come to.

    Raises:
        ValueError: a value is none that this version writes.
    """
    first, last = runs[0], runs[-1]
    made = ScriptSummary(
        model=last["model"],
        place=last["place"],
        runs=len(runs),
        first=_in_utc(first["created"]),
        last=_in_utc(last["created"]),
        run=last["run"],
        status=Status(last["status"]),
    )
    return msgspec.convert(msgspec.to_builtins(made, builtin_types=(bytes,)), ScriptSummary)


def _metric(row: Values) -> MetricSummary:
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
    if when.tzinfo is None or not FIRST_YEAR <= when.year < MAXYEAR:
        raise ValueError(f"{text} is no time at which a run was made")
    return when


def _number(value: float | None) -> float:
    # SQLite keeps what is not a number as NULL.
    return math.nan if value is None else value


def _in_order(rows: Iterable[Values]) -> list[Values]:
    return sorted(rows, key=lambda row: int(row["position"]))
