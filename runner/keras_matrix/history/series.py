"""One metric over time, image by image. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from keras_matrix.compare.comparison import Verdict
from keras_matrix.history.summary import RunSummary
from keras_matrix.plan.tolerance import MetricKind

BLOCKS = "▁▂▃▄▅▆▇█"
"""The characters of a sparkline, from low to high."""
ASCII_BLOCKS = "_.-=+*%#"
"""The same, for output that cannot encode block characters."""
NOT_FINITE = "!"
ABSENT = " "


@dataclass(frozen=True, kw_only=True)
class Point:
    """One metric on one image in one run, from ``n`` values, one a replicate.

    ``created`` has a time zone. ``verdict`` is that of the comparison with the run's reference;
    None for the reference itself.
    """

    run: str
    created: datetime
    n: int
    median: float
    low: float
    high: float
    verdict: Verdict | None


@dataclass(frozen=True)
class Series:
    """A metric of one image over time, oldest first.

    ``name`` is the image's, followed by the keras.json's id if there are several.
    """

    name: str
    points: tuple[Point, ...]


def metrics(runs: Sequence[RunSummary]) -> tuple[str, ...]:
    """Return the names of the metrics of some runs, in the order of their first appearance."""
    return tuple(dict.fromkeys(entry.metric for run in runs for entry in run.metrics))


def headline(runs: Sequence[RunSummary], limit: int) -> tuple[str, ...]:
    """Return the scores to show first, at most ``limit``: those of ``evaluate``, if there are."""
    scores = [
        entry.metric for run in runs for entry in run.metrics if entry.kind is MetricKind.SCORE
    ]
    names = dict.fromkeys(scores)
    evaluated = [name for name in names if name.startswith("evaluate")]
    return tuple((evaluated or [*names])[:limit])


def series(runs: Sequence[RunSummary], metric: str) -> tuple[Series, ...]:
    """Return the series of a metric, one an image; ``runs`` are ordered, oldest first."""
    several = len({image.setting for run in runs for image in run.images}) > 1
    points: dict[str, list[Point]] = {}
    for run in runs:
        for entry in run.metrics:
            if entry.metric == metric:
                name = f"{entry.image}.{entry.setting}" if several else entry.image
                points.setdefault(name, []).append(
                    Point(
                        run=run.run,
                        created=run.created,
                        n=entry.n,
                        median=entry.median,
                        low=entry.low,
                        high=entry.high,
                        verdict=entry.verdict,
                    )
                )
    return tuple(Series(name, tuple(own)) for name, own in points.items())


def sparkline(values: Sequence[float | None], low: float, high: float, blocks: str = BLOCKS) -> str:
    """Draw values as a line of blocks, one each, between ``low`` and ``high``.

    A value that is not finite is an exclamation mark, an absent entry a space.
    """
    return "".join(_block(value, low, high, blocks) for value in values)


def bounds(points: Iterable[Point]) -> tuple[float, float]:
    """Return the smallest and the largest finite median; NaN if no median is finite."""
    finite = [point.median for point in points if math.isfinite(point.median)]
    return (min(finite), max(finite)) if finite else (math.nan, math.nan)


def _block(value: float | None, low: float, high: float, blocks: str) -> str:
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return NOT_FINITE
    # Halved, so that the span of two large numbers of opposite signs stays finite.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    return blocks[min(len(blocks) - 1, max(0, int(share * len(blocks))))]
