"""What was asked, and what would settle the rest."""

from dataclasses import replace

import pytest

from keras_matrix.compare.comparison import Comparison
from keras_matrix.compare.pairs import compare_images
from keras_matrix.plan.cells import Caps, Cell, Init, Limits, Terms
from keras_matrix.plan.tolerance import Tolerances
from keras_matrix.records.bounded import Number
from keras_matrix.records.record import Outcome, Record
from keras_matrix.report.questions import describe_questions
from keras_matrix.report.words import in_words
from tests.unit.records.builders import call, record


def scores(image: str, *values: Number, init: Init = Init.OWN) -> list[Record]:
    made = []
    for seed, value in enumerate(values):
        one = call(metrics={"loss": value})
        one.drawn = False if init is Init.PAIRED else None
        terms = Terms(Limits(), Caps(), init)
        made.append(replace(record(Cell(image, seed=seed), one), terms=terms))
    return made


def compared(*records: Record, seed_seconds: float | None = None) -> Comparison:
    found = compare_images(
        records,
        images=["tf", "theano"],
        planned=[one.cell.id for one in records],
        tolerances=Tolerances(),
        compare_arrays=lambda *_: None,
        title="mlp (a-run)",
    )
    return replace(found, seed_seconds=seed_seconds)


FEW = (*scores("tf", 1.0, 2.0, 1.5), *scores("theano", 2.0, 1.2, 1.7))


def test_own_weights_ask_for_the_distribution() -> None:
    first, second = describe_questions(compared(*FEW))
    assert first.startswith(
        "question: do both behave the same over all seeds? Each backend draws its own first "
        "weights."
    )
    assert first.endswith(
        "Without a tolerance, 1.41 standard deviations (sd) between seeds of tf are allowed."
    )
    assert second.startswith("method: Mean of the differences on 3 seeds")


def test_paired_weights_ask_for_the_computation() -> None:
    records = (
        *scores("tf", 1.0, 2.0, init=Init.PAIRED),
        *scores("theano", 1.0 + 1e-7, 2.0 + 2e-7, init=Init.PAIRED),
    )
    (line,) = describe_questions(compared(*records))
    assert line == (
        "question: do both compute the same on each seed? First weights are paired, and nothing "
        "else is drawn. Compared seed by seed: the verdict is about these runs."
    )
    assert in_words(compared(*records)) == (
        "theano agrees with tf in the one judged metric, within tolerance on each of 2 seeds."
    )


def test_a_seed_beyond_is_named_with_its_values() -> None:
    records = (
        *scores("tf", 1.0, 2.0, 3.0, init=Init.PAIRED),
        *scores("theano", 1.0, 2.5, 3.0, init=Init.PAIRED),
    )
    assert in_words(compared(*records)) == (
        "theano differs from tf in 1 of 1 judged metric: evaluate.loss (seed 1: 2.5 against 2; "
        "allowed 0.001 + 0.1%; beyond on 1 of 3 seeds)."
    )


@pytest.mark.parametrize(
    ("seconds", "time"),
    [
        (None, ""),
        (2.0, ", 9 more, about 18 seconds here"),
        (30.0, ", 9 more, about 4 minutes here"),
    ],
)
def test_too_few_seeds_say_how_many_more_and_how_long_they_take(
    seconds: float | None, time: str
) -> None:
    assert in_words(compared(*FEW, seed_seconds=seconds)) == (
        "theano against tf: too few seeds to tell in 1 metric (evaluate.loss): about 12 seeds "
        f"would settle it{time}."
    )


def test_more_than_a_hundred_seeds_are_no_advice() -> None:
    values = [1.0, 2.0, 1.5, 1.2, 1.8, 1.4, 1.6, 1.3]
    off = [value + 0.449 + 0.01 * (seed % 3 - 1) for seed, value in enumerate(values)]
    sentence = in_words(compared(*scores("tf", *values), *scores("theano", *off)))
    assert "over 100 seeds would be needed: --init paired gives all images the same" in sentence
    assert "keras-matrix trace finds where a difference starts" in sentence


def test_what_is_certain_is_said_so() -> None:
    records = (*scores("tf", 1.0, 2.0), *scores("theano", "nan", "nan"))
    assert in_words(compared(*records)) == (
        "theano differs from tf in 1 of 1 judged metric: evaluate.loss (NaN on every one of 2 "
        "seeds of theano, finite on every one of 2 seeds of tf)."
    )
    (line,) = describe_questions(compared(*records))
    assert line.endswith("It needs no statistics: it is so on every seed that was run.")


def test_a_script_that_fails_on_one_side_only_differs_for_certain() -> None:
    failed = [record(Cell("theano", seed=seed), outcome=Outcome.SCRIPT_ERROR) for seed in (0, 1)]
    assert in_words(compared(*scores("tf", 1.0, 2.0), *failed)) == (
        "theano.seed0 and theano.seed1 (script error) gave no result; the script fails on theano "
        "on each of 2 seeds and never on tf, which is a difference."
    )
