"""Compare the arrays of two sides element by element, replicate by replicate. Pure but for files.

The files are read by the function that it is given.
"""

from dataclasses import replace

from keras_matrix.compare.comparison import ArrayDifference, CompareArrays
from keras_matrix.compare.question import Replicate
from keras_matrix.compare.sides import Sides
from keras_matrix.plan.tolerance import Tolerance


class Arrays:
    """The arrays of two sides."""

    def __init__(self, sides: Sides, compare_arrays: CompareArrays) -> None:
        self._sides = sides
        self._compare = compare_arrays

    def difference(self, metric: str, tolerance: Tolerance) -> ArrayDifference | None:
        """Return the largest differences of all replicates; None if an array was not kept.

        Elements may differ by the tolerance plus the noise floor, the largest distance of an
        element between two repeats of one seed on one side.
        """
        left, right = self._sides.measures(metric)
        if not self._sides.shared or left.keys() != right.keys():
            return None
        allowed = replace(tolerance, atol=tolerance.atol + self._floor(metric, tolerance))
        differences = [
            self._between(metric, (0, replicate), (1, replicate), allowed) for replicate in left
        ]
        found = [difference for difference in differences if difference is not None]
        if not found or len(found) < len(differences):
            return None
        return ArrayDifference(
            absolute=max(difference.absolute for difference in found),
            relative=max(difference.relative for difference in found),
            close=all(difference.close for difference in found),
        )

    def _floor(self, metric: str, tolerance: Tolerance) -> float:
        apart = [
            self._between(metric, (side, (seed, 0)), (side, (seed, repeat)), tolerance)
            for side, measured in enumerate(self._sides.measures(metric))
            for seed, repeat in measured
            if repeat and (seed, 0) in measured
        ]
        finite = [one.absolute for one in apart if one is not None and one.absolute < float("inf")]
        return max(finite, default=0.0)

    def _between(
        self,
        metric: str,
        one: tuple[int, Replicate],
        other: tuple[int, Replicate],
        tolerance: Tolerance,
    ) -> ArrayDifference | None:
        (side, here), (other_side, there) = one, other
        return self._compare(
            self._sides.records[side][here],
            self._sides.measured[side][here][metric],
            self._sides.records[other_side][there],
            self._sides.measured[other_side][there][metric],
            tolerance,
        )
