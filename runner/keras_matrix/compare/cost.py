"""How long one more seed takes on this machine, by what the cells have taken. Pure."""

import statistics
from collections.abc import Sequence
from datetime import datetime

from keras_matrix.records.record import Record


def seed_seconds(records: Sequence[Record]) -> float | None:
    """Return the time in seconds that one more seed on all images takes; None without a record.

    That is the sum of the images' median cells, divided by the number of cells that ran at a time.
    """
    spans: list[tuple[float, float]] = []
    seconds: dict[str, list[float]] = {}
    for record in records:
        took = record.timing.create + record.timing.run
        seconds.setdefault(record.cell.group.id, []).append(took)
        try:
            began = datetime.fromisoformat(record.started).timestamp()
        except ValueError:
            continue
        spans.append((began, began + took))
    if not seconds:
        return None
    return sum(map(statistics.median, seconds.values())) / _at_a_time(spans)


def _at_a_time(spans: Sequence[tuple[float, float]]) -> float:
    """Return how many spans there were at a time, on average over the time with any."""
    busy, covered, end = 0.0, 0.0, -float("inf")
    for began, ended in sorted(spans):
        busy += ended - began
        covered += max(0.0, ended - max(began, end))
        end = max(end, ended)
    return busy / covered if covered else 1.0
