import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from keras_matrix.compare.comparison import Comparison, Row, Verdict
from keras_matrix.compare.notes import advice_on_seeds, remarks
from keras_matrix.plan.cells import Cell, Init, Plan
from keras_matrix.plan.tolerance import MetricKind, Tolerances
from keras_matrix.records.observation import Epoch
from keras_matrix.records.record import Outcome, Record
from tests.unit.records.builders import call, plan, record

IMAGES = ("tf", "theano")


def cell(image: str, seed: int, losses: Sequence[float], repeat: int = 0) -> Record:
    fit = call("fit", metrics={"loss": losses[-1]})
    fit.epochs = [
        Epoch(epoch=n, seconds=0.1, metrics={"loss": one}) for n, one in enumerate(losses)
    ]
    return record(Cell(image, seed=seed, repeat=repeat), fit)


def said(records: Sequence[Record]) -> str:
    return "\n".join(remarks(records, IMAGES, Tolerances()))


def test_a_script_that_seeds_itself_is_reported() -> None:
    records = [cell("tf", seed, [0.5]) for seed in range(3)]
    assert "tf: all seeds give the same figures" in said(records)
    assert "same figures" not in said([cell("tf", seed, [seed / 7]) for seed in range(3)])


def test_an_image_that_repeats_itself_and_one_that_does_not() -> None:
    records = [cell("tf", 0, [0.25], repeat) for repeat in range(2)]
    records += [cell("theano", 0, [0.25 + repeat / 4], repeat) for repeat in range(2)]
    text = said(records)
    assert "tf repeats itself" in text
    assert "theano does not repeat itself" in text
    assert "fit.loss 0.176777" in text
    assert "repeat" not in said([cell("tf", 0, [0.5]), cell("theano", 0, [0.5])])


def test_curves_that_part_are_reported_with_the_epoch() -> None:
    draw = random.Random(1)

    def curves(image: str, jump: float) -> list[Record]:
        return [
            cell(
                image,
                seed,
                [1 + n + (jump if n >= 2 else 0) + draw.gauss(0, 0.01) for n in range(4)],
            )
            for seed in range(10)
        ]

    assert "fit.loss: the curves of theano and tf part at epoch 3." in said(
        curves("tf", 0) + curves("theano", 0.5)
    )
    assert "part" not in said(curves("tf", 0) + curves("theano", 0))


def looping(image: str, count: int, site: str = "model.py:3") -> Record:
    names = ["predict", *(f"predict#{number}" for number in range(2, count + 1))]
    return record(Cell(image), *(call(name, site=site) for name in names))


def test_calls_that_are_left_out_are_reported_once() -> None:
    records = [looping(image, 199, site="rnn.py:170") for image in IMAGES]
    told = "predict at rnn.py:170: 199 calls; the first and the last are compared."
    assert said(records) == told
    assert "calls" not in said([looping(image, 10) for image in IMAGES])


def test_calls_that_are_not_as_many_everywhere_are_reported_as_a_range() -> None:
    records = [looping("tf", 30), looping("theano", 12)]
    assert "predict at model.py:3: 12 to 30 calls;" in said(records)
    failed = replace(looping("theano", 12), outcome=Outcome.TIMEOUT)
    assert "predict at model.py:3: 30 calls;" in said([looping("tf", 30), failed])


def test_a_hostile_place_forges_no_line() -> None:
    assert "\n" not in said([looping("tf", 20, site="x\ntheano agrees")])


def test_curves_in_the_middle_of_a_loop_are_not_compared() -> None:
    def fits(image: str, shift: float) -> list[Record]:
        draw = random.Random(1)
        return [
            record(
                Cell(image, seed=seed),
                *(
                    call(
                        f"fit#{number}",
                        epochs=[
                            Epoch(0, 0.1, {"loss": shift * (number == 5) + draw.gauss(1, 0.01)})
                        ],
                    )
                    for number in range(1, 20)
                ),
            )
            for seed in range(10)
        ]

    assert "part" not in said(fits("tf", 0) + fits("theano", 0.5))


def compared(verdict: Verdict) -> Comparison:
    row = Row(
        group="",
        metric="fit.loss",
        kind=MetricKind.SCORE,
        reference=None,
        other=None,
        reference_name="tf",
        other_name="theano",
        absolute=None,
        relative=None,
        tolerance=None,
        verdict=verdict,
    )
    return Comparison(title="", rows=(row,), failures=(), missing=(), notes=(), cells=2)


ONE_SEED = plan([Cell(image, seed=0) for image in IMAGES])
CHANCE = (
    "one seed, and each backend's own first weights: --seeds 10 tells chance from a difference, "
    "and --init paired gives all backends the same first weights."
)


def test_one_seed_does_not_tell_chance_from_a_difference() -> None:
    assert advice_on_seeds(ONE_SEED, compared(Verdict.DIFFER)) == [CHANCE]
    unseeded = plan([Cell(image) for image in IMAGES])
    assert advice_on_seeds(unseeded, compared(Verdict.DIFFER)) == [CHANCE.replace("one", "no", 1)]


@pytest.mark.parametrize(
    ("planned", "verdict"),
    [
        (ONE_SEED, Verdict.AGREE),
        (ONE_SEED, Verdict.MISSING),
        (ONE_SEED, Verdict.REPORTED),
        (replace(ONE_SEED, init=Init.PAIRED), Verdict.DIFFER),
        (plan([Cell(image, seed=seed) for image in IMAGES for seed in (0, 1)]), Verdict.DIFFER),
        (plan([Cell("tf", seed=0)]), Verdict.DIFFER),
    ],
)
def test_where_chance_is_not_the_question_nothing_is_said(planned: Plan, verdict: Verdict) -> None:
    assert advice_on_seeds(planned, compared(verdict)) == []
