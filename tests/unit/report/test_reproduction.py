"""What a text reports, judged in one line."""

from keras_matrix.compare.reproduction import judge
from keras_matrix.load.reported import Claim, Direction, Figure, Reported, Unit
from keras_matrix.report.reproduction import holds, summary

TF = {"tf": {"evaluate.loss": [0.50, 0.51, 0.52, 0.49]}}
CLAIM = Claim("A", "evaluate.loss", "tf", "theano", Direction.LOWER)


def figure(image: str, value: float) -> Figure:
    return Figure(image, "evaluate.loss", value, 0.01, Unit.NONE)


def test_what_was_not_run_is_not_held_against_the_text() -> None:
    judged = judge(Reported({}, (figure("tf", 0.5), figure("theano", 0.9)), (CLAIM,)), TF)
    assert holds(judged)
    assert summary(judged) == (
        "what can be compared holds; not comparable, for the reasons above: 1 of 2 figures and "
        "1 of 1 claim."
    )


def test_what_was_measured_otherwise_is() -> None:
    judged = judge(Reported({}, (figure("tf", 0.9),), ()), TF)
    assert not holds(judged)
    assert summary(judged) == "does not hold: 1 of 1 figure."
