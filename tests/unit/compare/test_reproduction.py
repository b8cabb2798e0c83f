import math
from dataclasses import replace

import numpy as np
import pytest

from keras_matrix.compare.inference import Conclusion
from keras_matrix.compare.intervals import MAX_SEEDS_NEEDED
from keras_matrix.compare.reproduction import (
    ClaimVerdict,
    FigureVerdict,
    JudgedClaim,
    JudgedFigure,
    Measured,
    judge,
)
from keras_matrix.load.reported import Claim, Direction, Figure, Reported, Unit, load
from tests import ROOT

TUTORIAL = ROOT / "models" / "mlp" / "reported.toml"
NAN = math.nan
HIGHER = Claim("B is better.", "score", better="b", than="a", direction=Direction.HIGHER)
FASTER = Claim("B is faster.", "fit.seconds", better="b", than="a", direction=Direction.LOWER)


def mlp(rng: np.random.Generator, seeds: int) -> Measured:
    """What the tutorial's script gives: a coin toss over 100 labels, and TensorFlow ahead."""

    def image(seconds: float) -> dict[str, list[float]]:
        accuracy: list[float] = (rng.binomial(100, 0.5, seeds) / 100).tolist()
        return {
            "fit.seconds": rng.lognormal(math.log(seconds), 0.05, seeds).tolist(),
            "evaluate.loss": rng.normal(0.695, 0.012, seeds).tolist(),
            "evaluate.accuracy": accuracy,
        }

    return {"tf": image(1.3), "theano": image(2.5)}


def figure(value: float, measured: Measured, resolution: float = 0.0) -> JudgedFigure:
    reported = Figure("a", "score", value, resolution, Unit.NONE)
    (found,) = judge(Reported({}, (reported,), ()), measured).figures
    return found


def claim(reported: Claim, a: list[float], b: list[float]) -> JudgedClaim:
    measured = {"a": {reported.metric: a}, "b": {reported.metric: b}}
    (found,) = judge(Reported({}, (), (reported,)), measured).claims
    return found


# The tutorial


def test_the_tutorial_against_thirty_seeds() -> None:
    found = judge(load(TUTORIAL), mlp(np.random.default_rng(1), 30))
    verdicts = {(one.image, one.than, one.metric): one.verdict for one in found.figures}
    assert verdicts == {
        ("tf", None, "fit.seconds"): FigureVerdict.NOT_COMPARABLE,
        ("tf", None, "evaluate.loss"): FigureVerdict.CONSISTENT,
        ("tf", None, "evaluate.accuracy"): FigureVerdict.CONSISTENT,
        ("theano", None, "fit.seconds"): FigureVerdict.NOT_COMPARABLE,
        ("theano", None, "evaluate.loss"): FigureVerdict.CONSISTENT,
        # 67 of 100 coins: 3.4 standard deviations.
        ("theano", None, "evaluate.accuracy"): FigureVerdict.INCONSISTENT,
        ("theano", "tf", "fit.seconds"): FigureVerdict.CONSISTENT,
    }
    ratio = found.figures[-1]
    assert ratio.reported == pytest.approx(1.066 / 0.5446)
    assert ratio.prediction is not None
    assert ratio.prediction.center == pytest.approx(2.5 / 1.3, rel=0.05)
    faster, better = found.claims
    assert faster.verdict is ClaimVerdict.SUPPORTED
    assert "tf / theano is 0.5" in faster.why
    assert better.verdict is ClaimVerdict.NOT_SUPPORTED
    assert better.why.startswith("inconclusive: theano - tf is ")
    assert better.why.endswith(" would settle it")


def test_the_tutorials_loss_and_ratio_are_seldom_inconsistent_nor_the_coin_toss_supported() -> None:
    reported, rng = load(TUTORIAL), np.random.default_rng(2)
    runs, wrong, supported = 300, 0, 0
    for _ in range(runs):
        # Another run of the same script, told with four digits, in place of the tutorial's.
        one = {image: dict(values) for image, values in mlp(rng, 1).items()}
        figures = tuple(
            replace(figure, value=round(one[figure.image][figure.metric][0], 4), resolution=1e-4)
            for figure in reported.figures
        )
        found = judge(replace(reported, figures=figures), mlp(rng, 12))
        wrong += any(one.verdict is FigureVerdict.INCONSISTENT for one in found.figures)
        assert found.claims[0].verdict is ClaimVerdict.SUPPORTED
        supported += found.claims[1].verdict is not ClaimVerdict.NOT_SUPPORTED
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert wrong / runs <= limit
    assert supported / runs <= limit


# Figures


def test_how_far_out_a_figure_is() -> None:
    values = [0.9, 1.0, 1.1, 1.0, 0.95, 1.05]
    spread = float(np.std(values, ddof=1))
    half = 2.5706 * spread * math.sqrt(7 / 6)  # t(0.975, 5)
    found = figure(2.0, {"a": {"score": values}})
    assert found.verdict is FigureVerdict.INCONSISTENT
    assert found.deviations == pytest.approx(1 / spread)
    assert found.distance == pytest.approx(1 - half, abs=1e-4)
    assert "0.804 above 0.8037 to 1.196" in found.why
    assert f"{1 / spread:.1f} standard deviations off" in found.why
    below = figure(0.0, {"a": {"score": values}})
    assert below.distance == pytest.approx(half - 1, abs=1e-4)
    assert "below" in below.why


def test_a_figure_may_be_rounded_or_cut_off() -> None:
    measured: Measured = {"a": {"score": [0.42] * 5}}
    for value in (0.4199, 0.42, 0.4201):
        found = figure(value, measured, 1.0001e-4)
        assert (found.verdict, found.distance) == (FigureVerdict.CONSISTENT, 0.0)
    found = figure(0.4199, measured, 1e-6)
    assert found.verdict is FigureVerdict.INCONSISTENT
    assert found.deviations is None
    assert found.distance == pytest.approx(-1e-4)


@pytest.mark.parametrize(
    ("measured", "why"),
    [
        ({}, "nothing was measured for score of a"),
        ({"a": {}}, "nothing was measured"),
        ({"a": {"score": []}}, "nothing was measured"),
        ({"a": {"score": [1.0]}}, "fewer than two"),
        ({"a": {"score": {1: NAN, 2: 1.0}}}, "fewer than two"),
    ],
)
def test_a_figure_without_values_is_not_comparable(measured: Measured, why: str) -> None:
    found = figure(1.0, measured)
    assert found.verdict is FigureVerdict.NOT_COMPARABLE
    assert (found.prediction, found.deviations, found.distance) == (None, None, None)
    assert why in found.why


def test_every_further_image_has_a_ratio_to_the_first() -> None:
    figures = tuple(
        Figure(image, "fit.seconds", value, 0.01, Unit.SECONDS)
        for image, value in (("a", 1.0), ("b", 2.0), ("c", 9.0))
    )
    times: Measured = {
        "a": {"fit.seconds": [3.0, 3.1, 2.9, 3.0]},
        "b": {"fit.seconds": {5: 6.0, 6: 5.9, 7: 6.1}},
    }
    found = judge(Reported({}, figures, ()), times).figures
    assert [(one.image, one.than, one.reported, one.verdict) for one in found[3:]] == [
        ("b", "a", 2.0, FigureVerdict.CONSISTENT),
        ("c", "a", 9.0, FigureVerdict.NOT_COMPARABLE),
    ]
    assert all(one.verdict is FigureVerdict.NOT_COMPARABLE for one in found[:3])
    assert "machine" in found[0].why
    assert "nothing was measured for fit.seconds of c" in found[4].why


def test_a_ratio_may_be_far_out() -> None:
    figures = tuple(
        Figure(image, "fit.seconds", value, 0.001, Unit.SECONDS)
        for image, value in (("a", 1.0), ("b", 10.0))
    )
    times: Measured = {
        "a": {"fit.seconds": [3.0, 3.1, 2.9, 3.0]},
        "b": {"fit.seconds": [6.0, 5.9, 6.1, 6.0]},
    }
    ratio = judge(Reported({}, figures, ()), times).figures[-1]
    assert ratio.verdict is FigureVerdict.INCONSISTENT
    assert ratio.distance is not None
    assert 7 < ratio.distance < 8
    assert ratio.deviations is not None
    assert ratio.deviations > 20


# Claims


LOW = [0.50, 0.52, 0.49, 0.51, 0.50, 0.53, 0.48, 0.50, 0.51, 0.50]
HIGH = [value + 0.1 + 0.002 * (n % 3) for n, value in enumerate(LOW)]


@pytest.mark.parametrize(
    ("direction", "a", "b", "verdict"),
    [
        (Direction.HIGHER, LOW, HIGH, ClaimVerdict.SUPPORTED),
        (Direction.HIGHER, HIGH, LOW, ClaimVerdict.CONTRADICTED),
        (Direction.LOWER, HIGH, LOW, ClaimVerdict.SUPPORTED),
        (Direction.LOWER, LOW, HIGH, ClaimVerdict.CONTRADICTED),
    ],
)
@pytest.mark.parametrize("reported", [HIGHER, FASTER], ids=["score", "time"])
def test_a_claim_has_a_direction(
    reported: Claim, direction: Direction, a: list[float], b: list[float], verdict: ClaimVerdict
) -> None:
    found = claim(replace(reported, direction=direction), a, b)
    assert found.verdict is verdict
    assert found.inference is not None
    assert found.inference.finding is Conclusion.DIFFERENT


def test_a_claim_within_its_margin_is_not_supported() -> None:
    found = claim(replace(HIGHER, margin=0.2), LOW, HIGH)
    assert found.verdict is ClaimVerdict.NOT_SUPPORTED
    assert found.why.startswith("equivalent: b - a is 0.102 (")
    faster = claim(replace(FASTER, margin=0.5), HIGH, LOW)
    assert faster.verdict is ClaimVerdict.NOT_SUPPORTED
    assert faster.inference is not None
    assert faster.inference.margin == 1.5
    assert faster.why.startswith("equivalent: b / a is 0.83")


def test_what_nothing_settles_says_so() -> None:
    found = claim(HIGHER, [0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 2.0, -2.0])
    assert found.verdict is ClaimVerdict.NOT_SUPPORTED
    assert f"{MAX_SEEDS_NEEDED} seeds or more would settle it" in found.why


def test_one_seed_supports_nothing() -> None:
    found = claim(HIGHER, [0.1], [0.9])
    assert (found.verdict, found.why) == (
        ClaimVerdict.NOT_SUPPORTED,
        "inconclusive: b - a is 0.8",
    )


def test_to_be_finite_is_better_than_not() -> None:
    for direction in Direction:
        reported = replace(HIGHER, direction=direction)
        assert claim(reported, [NAN] * 10, LOW).verdict is ClaimVerdict.SUPPORTED
        found = claim(reported, LOW, [NAN] * 10)
        assert found.verdict is ClaimVerdict.CONTRADICTED
        assert "McNemar" in found.why


@pytest.mark.parametrize(("a", "b"), [([], LOW), (LOW, [])])
def test_a_claim_without_values_is_not_comparable(a: list[float], b: list[float]) -> None:
    found = claim(HIGHER, a, b)
    assert (found.verdict, found.inference) == (ClaimVerdict.NOT_COMPARABLE, None)
    assert "nothing was measured for score of" in found.why


def test_claims_share_their_level() -> None:
    measured: Measured = {"a": {"score": LOW}, "b": {"score": HIGH}}
    found = judge(Reported({}, (), (HIGHER,) * 5), measured, level=0.1).claims
    assert found[0].inference is not None
    assert found[0].inference.interval is not None
    assert found[0].inference.interval.coverage == pytest.approx(0.98)


def test_nothing_reported_is_nothing_judged() -> None:
    found = judge(Reported({}, (), ()), {})
    assert (found.figures, found.claims) == ((), ())


def test_a_claim_on_a_fits_time_is_judged_by_its_parts_too() -> None:
    """What is slower as a whole for its compiling may be the faster one once it runs."""

    def image(first: float, steady: float) -> dict[str, list[float]]:
        whole = [first + 19 * steady + 0.01 * seed for seed in range(10)]
        spread = [1 + 0.01 * (seed % 3) for seed in range(10)]
        return {
            "fit.seconds": whole,
            "fit.first_batch_seconds": [first * by for by in spread],
            "fit.steady_epoch_seconds": [steady * by for by in spread],
        }

    measured = {"b": image(0.5, 0.02), "a": image(10.0, 0.01)}
    (found,) = judge(Reported({}, (), (FASTER,)), measured).claims
    assert found.verdict is ClaimVerdict.SUPPORTED
    assert [(part.claim.metric, part.verdict) for part in found.parts] == [
        ("fit.first_batch_seconds", ClaimVerdict.SUPPORTED),
        ("fit.steady_epoch_seconds", ClaimVerdict.CONTRADICTED),
    ]
