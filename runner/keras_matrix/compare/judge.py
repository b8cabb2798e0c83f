"""Judge one metric on two sides by the question that is asked of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_matrix.compare import computation
from keras_matrix.compare.certain import Certain, of_values
from keras_matrix.compare.comparison import VERDICTS, Summary, Verdict
from keras_matrix.compare.computation import SeedBySeed
from keras_matrix.compare.inference import (
    POWER,
    Conclusion,
    Inference,
    compare,
    compare_ratio,
    compare_scaled,
)
from keras_matrix.compare.intervals import MAX_FINITE
from keras_matrix.compare.question import Asked
from keras_matrix.compare.sides import Sides, shapes
from keras_matrix.plan.question import Question
from keras_matrix.plan.tolerance import MetricKind, Tolerance

MAX_LEFT_OUT = 100
"""Seeds that agree and that are left out, one after the other, to see whether the rest agrees."""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict on a metric, and what it rests on.

    ``certain`` is why the verdict is certain, a clause for users; empty if it is not. ``seeds`` is
    the comparison seed by seed, ``inference`` the one over seeds.
    """

    verdict: Verdict
    certain: str = ""
    seeds: SeedBySeed | None = None
    inference: Inference | None = None


def judge(
    sides: Sides,
    metric: str,
    kind: MetricKind,
    asked: Asked,
    tolerance: Tolerance,
    comparisons: int,
) -> Judgement:
    """Judge a metric that is judged at all; ``comparisons`` metrics share the level.

    A metric over seeds also agrees if it agrees on each of them, or if those that are left without
    some that agree show it: a seed that agrees is never an argument against agreement.
    """
    left, right = sides.by_seed(metric)
    if not left or not right:
        return Judgement(verdict=Verdict.MISSING, certain=_missing(sides, left, right))
    seeds = _seed_by_seed(sides, metric, tolerance)
    found = certain_of(sides, metric, kind)
    if found is not None:
        verdict = Verdict.AGREE if found.agree else Verdict.DIFFER
        return Judgement(verdict=verdict, certain=found.why, seeds=seeds)
    if asked.question is Question.COMPUTATION:
        if seeds is None:
            return Judgement(verdict=Verdict.REPORTED)
        return Judgement(verdict=Verdict.DIFFER if seeds.beyond else Verdict.AGREE, seeds=seeds)
    on_each = seeds is not None and not seeds.beyond
    if not sides.has_several_seeds:
        verdict = Verdict.INCONCLUSIVE if sides.shared else Verdict.REPORTED
        return Judgement(verdict=Verdict.AGREE if on_each else verdict, seeds=seeds)
    return over_seeds(left, right, seeds, tolerance, comparisons)


def over_seeds(
    reference: Mapping[Any, float],
    other: Mapping[Any, float],
    seeds: SeedBySeed | None,
    tolerance: Tolerance,
    comparisons: int = 1,
    *,
    power: float | None = POWER,
) -> Judgement:
    """Judge a metric over several seeds; ``seeds`` is its comparison seed by seed, if any.

    See ``inference.compare`` for ``power``.
    """
    inference = infer(reference, other, tolerance, comparisons, power=power)
    if seeds is not None and not seeds.beyond:
        return Judgement(verdict=Verdict.AGREE, seeds=seeds, inference=inference)
    if inference.finding is Conclusion.INCONCLUSIVE and seeds is not None:
        agreeing = [seed.seed for seed in seeds.seeds if seed.within]
        fewer = _without_some(reference, other, agreeing, tolerance, comparisons)
        inference = fewer or inference
    return Judgement(verdict=VERDICTS[inference.finding], inference=inference)


def _seed_by_seed(sides: Sides, metric: str, tolerance: Tolerance) -> SeedBySeed | None:
    if not sides.shared:
        return None
    reference, other = sides.repeats(metric)
    return computation.compare(reference, other, tolerance)


def certain_of(sides: Sides, metric: str, kind: MetricKind) -> Certain | None:
    """Return what is certain of a metric that both sides have; None if nothing is.

    Of an array, that is its shape, and whether its mean is a number.
    """
    if kind is MetricKind.TIME:
        return None
    apart = _shapes(sides, metric) if kind is MetricKind.ARRAY else ""
    if apart:
        return Certain(False, apart)
    left, right = sides.by_seed(metric)
    found = of_values(left, right, sides.names)
    # Arrays of the same mean are not the same.
    return None if found is not None and found.agree and kind is MetricKind.ARRAY else found


def infer(
    reference: Mapping[Any, float],
    other: Mapping[Any, float],
    tolerance: Tolerance,
    comparisons: int,
    *,
    power: float | None = POWER,
) -> Inference:
    """Compare means over seeds by a tolerance, or by the margin that it has instead."""
    finite = tuple(value for value in reference.values() if abs(value) < MAX_FINITE)
    least = min(tolerance.allowed(Summary(finite).median if finite else 0.0), MAX_FINITE)
    if tolerance.margin is None:
        return compare(reference, other, margin=least, comparisons=comparisons, power=power)
    return compare_scaled(
        reference,
        other,
        spreads=tolerance.margin,
        least=least,
        comparisons=comparisons,
        power=power,
    )


def ratio(sides: Sides, metric: str) -> Inference | None:
    """Return the ratio of times that are not judged, with an interval of its own."""
    left, right = sides.by_seed(metric)
    return compare_ratio(left, right) if sides.has_several_seeds and left and right else None


def _without_some(
    left: Mapping[Any, float],
    right: Mapping[Any, float],
    agreeing: Sequence[Any],
    tolerance: Tolerance,
    comparisons: int,
) -> Inference | None:
    """Return the inference that shows agreement without the last of the seeds that agree."""
    for kept in range(len(agreeing) - 1, max(-1, len(agreeing) - 1 - MAX_LEFT_OUT), -1):
        out = set(agreeing[kept:])
        sides = [{k: v for k, v in side.items() if k not in out} for side in (left, right)]
        if min(map(len, sides)) < 2:
            continue
        inference = infer(sides[0], sides[1], tolerance, comparisons, power=None)
        if inference.finding is Conclusion.EQUIVALENT:
            return inference
    return None


def _missing(sides: Sides, left: dict[Any, float], right: dict[Any, float]) -> str:
    lacking, having = sides.names if not left else sides.names[::-1]
    return f"{having} has it, {lacking} does not"


def _shapes(sides: Sides, metric: str) -> str:
    """Return a clause on shapes that differ on every seed; empty if they do not."""
    here, there = map(shapes, sides.measures(metric))
    if here & there:
        return ""
    texts = [
        f"{name} {' or '.join(str(list(shape)) for shape in sorted(found))}"
        for name, found in zip(sides.names, (here, there), strict=True)
    ]
    return f"the shapes differ: {', '.join(texts)}"
