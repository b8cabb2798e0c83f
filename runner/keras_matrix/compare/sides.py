"""The two sides of a comparison: what each measured, by replicate. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras_matrix.compare.computation import mean
from keras_matrix.compare.metrics import Measure, measures, without_compiles
from keras_matrix.compare.question import Replicate
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Record


@dataclass(frozen=True)
class Side:
    """One side: its name, and the records of its cells that ended well."""

    name: str
    records: tuple[Record, ...]


class Sides:
    """Two sides, the reference first, over the replicates that both have.

    If they share none, each has its own.
    """

    def __init__(self, reference: Side, other: Side) -> None:
        self.names = (reference.name, other.name)
        self.records = [
            {(r.cell.seed, r.cell.repeat): r for r in side.records} for side in (reference, other)
        ]
        self.measured: list[dict[Replicate, dict[str, Measure]]] = [
            without_compiles({key: measures(record) for key, record in records.items()})
            for records in self.records
        ]
        both = self.records[0].keys() & self.records[1].keys()
        self.shared: list[Replicate] = sorted(both, key=_order)
        self._replicates = [self.shared or sorted(records, key=_order) for records in self.records]

    @property
    def has_both(self) -> bool:
        """Whether both sides have a record."""
        return all(self.records)

    @property
    def has_several_seeds(self) -> bool:
        """Whether each side has more than one seed to compare."""
        return all(len({seed for seed, _ in keys}) > 1 for keys in self._replicates)

    def kinds(self) -> dict[str, MetricKind]:
        """Return the metrics that either side has, each with its kind."""
        kinds: dict[str, MetricKind] = {}
        for side in self.measured:
            for by_metric in side.values():
                kinds.update((measure.metric, measure.kind) for measure in by_metric.values())
        return kinds

    def measures(self, metric: str) -> list[dict[Replicate, Measure]]:
        """Return what each side measured of a metric, by replicate."""
        return [
            {key: side[key][metric] for key in keys if metric in side[key]}
            for keys, side in zip(self._replicates, self.measured, strict=True)
        ]

    def repeats(self, metric: str) -> list[dict[int | None, list[float]]]:
        """Return each side's values of a metric by seed, those of its repeats together."""
        sides = []
        for by_replicate in self.measures(metric):
            values: dict[int | None, list[float]] = {}
            for (seed, _), measure in by_replicate.items():
                values.setdefault(seed, []).append(measure.value)
            sides.append(values)
        return sides

    def by_seed(self, metric: str) -> list[dict[Any, float]]:
        """Return one value a seed for each side: the mean of its repeats.

        Seeds that are not shared get keys of their own, so that nothing is paired by them.
        """
        return [
            {(seed if self.shared else (name, seed)): mean(values) for seed, values in side.items()}
            for name, side in zip(("reference", "other"), self.repeats(metric), strict=True)
        ]


def shapes(side: Mapping[Replicate, Measure]) -> set[tuple[int, ...]]:
    """Return the shapes of an array on one side."""
    return {measure.shape for measure in side.values()}


def _order(replicate: Replicate) -> tuple[int, int]:
    seed, repeat = replicate
    return (-1 if seed is None else seed, repeat)
