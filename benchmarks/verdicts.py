"""Simulate how often verdicts over seeds are wrong, and how often they are found.

    python benchmarks/verdicts.py [COUNT]

Each row is COUNT simulated metrics (4000 by default), of two sides that are independent of each
other, judged by the code that judges a run. It needs no engine, takes some minutes, and prints the
table of docs/explanation/statistics.md. The random numbers are seeded.
"""

import math
import sys
from dataclasses import astuple, dataclass

import numpy as np

from keras_matrix.compare import computation
from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.judge import over_seeds
from keras_matrix.plan.tolerance import DEFAULT, DEFAULT_MARGIN, Tolerance

COUNT = 4000
SEEDS = (3, 5, 10, 20, 30)
FAR = 3.0
"""A difference that should be found, in standard deviations."""


@dataclass(frozen=True)
class Metric:
    """A distribution of a metric over seeds; ``spread`` is its standard deviation."""

    name: str
    spread: float
    mean: float
    draw: object


METRICS = (
    Metric("normal", 1.0, 0.0, lambda rng, shape: rng.normal(size=shape)),
    Metric("exponential", 1.0, 1.0, lambda rng, shape: rng.exponential(size=shape)),
    Metric(
        "accuracy, 100 labels", 0.05, 0.5, lambda rng, shape: rng.binomial(100, 0.5, shape) / 100
    ),
    Metric(
        "accuracy, 60 labels",
        math.sqrt(2 / 9 / 60),
        1 / 3,
        lambda rng, shape: rng.binomial(60, 1 / 3, shape) / 60,
    ),
    Metric("constant", 0.0, 0.5, lambda rng, shape: np.full(shape, 0.5)),
)


@dataclass(frozen=True)
class Rates:
    """Shares of simulated metrics.

    ``false_differ``: called different without a difference. ``false_agree``: shown to agree with a
    difference of exactly what is allowed; ``on_each``: not shown, but both agree on each seed.
    ``agree``: agree without a difference. ``differ``: called different with one of ``FAR``.
    ``covered``: the interval holds the true difference.
    """

    false_differ: float
    false_agree: float
    on_each: float
    agree: float
    differ: float
    covered: float


def rates(metric: Metric, seeds: int, tolerance: Tolerance, count: int) -> Rates:
    """Simulate metrics that are judged by a tolerance, or by the margin that it has instead."""
    rng = np.random.default_rng([seeds, len(metric.name)])
    x, y = metric.draw(rng, (2, count, seeds))
    # The largest difference that is allowed: there is no spread, if it is constant.
    least = tolerance.allowed(metric.mean)
    edge = least if tolerance.margin is None else max(least, tolerance.margin * metric.spread)
    # Just beyond what is allowed, whatever the rounding.
    edge *= 1 + 1e-9
    none = [_judged(*sides, tolerance) for sides in zip(x, y, strict=True)]
    # To either side, since a skewed metric is not the same on both.
    at_edge = [
        _judged(one, other + edge * (-1) ** index, tolerance)
        for index, (one, other) in enumerate(zip(x, y, strict=True))
    ]
    far = FAR * (metric.spread or edge)
    apart = [_judged(one, other + far, tolerance) for one, other in zip(x, y, strict=True)]
    shown = [one.verdict is Verdict.AGREE and not _on_each_only(one) for one in at_edge]
    intervals = [one.inference.interval for one in none if one.inference is not None]
    return Rates(
        false_differ=_share(one.verdict is Verdict.DIFFER for one in none),
        false_agree=_share(shown),
        agree=_share(one.verdict is Verdict.AGREE for one in none),
        differ=_share(one.verdict is Verdict.DIFFER for one in apart),
        covered=_share(one is not None and one.distance(0) == 0 for one in intervals),
        on_each=_share(_on_each_only(one) for one in at_edge),
    )


def _judged(x: object, y: object, tolerance: Tolerance) -> object:
    reference, other = dict(enumerate(x.tolist())), dict(enumerate(y.tolist()))
    by_seed = [{seed: [value] for seed, value in side.items()} for side in (reference, other)]
    seeds = computation.compare(*by_seed, tolerance)
    return over_seeds(reference, other, seeds, tolerance, power=None)


def _on_each_only(judgement: object) -> bool:
    from keras_matrix.compare.inference import Conclusion

    agree = judgement.verdict is Verdict.AGREE
    return agree and judgement.inference.finding is not Conclusion.EQUIVALENT


def _share(found: object) -> float:
    return float(np.mean([*found]))


def main(arguments: list[str]) -> None:
    """Print the table: percentages for each number of seeds."""
    count = int(arguments[0]) if arguments else COUNT
    scaled = Tolerance("*", DEFAULT.atol, DEFAULT.rtol, margin=DEFAULT_MARGIN)
    names = ("wrong differ", "wrong agree", "agree on each only", "agree", "differ", "covered")
    print(f"| allowed | metric | {' | '.join(names)} |")
    print("| --- | --- |" + " --- |" * len(names))
    for metric in METRICS:
        for allowed, tolerance in (
            ("1.41 sd", scaled),
            ("a tolerance", Tolerance("*", DEFAULT_MARGIN * metric.spread)),
        ):
            if not metric.spread and tolerance is not scaled:
                continue
            rows = [rates(metric, seeds, tolerance, count) for seeds in SEEDS]
            columns = zip(*map(astuple, rows), strict=True)
            texts = [" ".join(f"{100 * rate:.1f}" for rate in column) for column in columns]
            print(f"| {allowed} | {metric.name} | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
