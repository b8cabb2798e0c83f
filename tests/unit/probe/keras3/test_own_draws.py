"""Which calls depend on numbers that the backend draws by itself, although weights are paired."""

from keras_matrix_probe.keras3.paired import OwnDraws3


def test_a_mask_in_training_reaches_all_calls_after_it() -> None:
    own = OwnDraws3()
    dropout = own.drawing(lambda x: x)
    assert not own.reach("predict")
    dropout(1)
    assert own.reach("fit")
    assert own.reach("evaluate")


def test_without_draws_no_call_depends_on_them() -> None:
    own = OwnDraws3()
    assert not any(own.reach(kind) for kind in ("fit", "evaluate", "predict"))


def test_a_compiled_prediction_draws_again_without_a_call() -> None:
    own = OwnDraws3()
    own.drawing(lambda: None)()
    assert own.reach("predict")
    assert own.always
