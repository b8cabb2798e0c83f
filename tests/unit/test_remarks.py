import random
from collections.abc import Sequence

from builders import call, record

from runner.plan import Cell
from runner.record import Record
from runner.remarks import remarks
from runner.stream import Epoch
from runner.tolerance import Tolerances

IMAGES = ("tf", "theano")


def cell(image: str, seed: int, losses: Sequence[float], repeat: int = 0) -> Record:
    fit = call("fit", metrics={"loss": losses[-1]})
    fit.epochs = [
        Epoch(epoch=n, seconds=0.1, metrics={"loss": one}) for n, one in enumerate(losses)
    ]
    return record(Cell(image, seed=seed, repeat=repeat), fit)


def said(records: Sequence[Record]) -> str:
    return "\n".join(remarks(records, IMAGES, Tolerances()))


def test_a_script_that_seeds_itself_is_told() -> None:
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


def test_curves_that_part_are_told_with_the_epoch() -> None:
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
