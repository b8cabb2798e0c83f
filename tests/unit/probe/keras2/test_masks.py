from types import SimpleNamespace
from typing import Any

import pytest

from keras_matrix_probe.keras2.masks import drawing_layers, note


class Layer:
    """A layer, or whatever has attributes."""

    def __init__(self, name: str, **attributes: Any) -> None:
        self.name = name
        self.__dict__.update(attributes)


class Dropout(Layer): ...


class SpatialDropout1D(Dropout): ...


class GaussianNoise(Layer): ...


class Mine(Dropout): ...


class Broken(Layer):
    @property
    def dropout(self) -> float:
        raise RuntimeError("not yet")


LAYERS = SimpleNamespace(
    Dropout=Dropout, SpatialDropout1D=SpatialDropout1D, GaussianNoise=GaussianNoise
)


def model(*layers: Any) -> Layer:
    return Layer("model_1", layers=list(layers))


@pytest.mark.parametrize(
    ("layer", "draws"),
    [
        (Dropout("a", rate=0.5), True),
        (Dropout("a", rate=0.0), False),
        (SpatialDropout1D("a", rate=0.1), True),
        (Mine("a", rate=0.1), True),
        (GaussianNoise("a", stddev=0.1), True),
        (GaussianNoise("a", stddev=0), False),
        (Layer("a", rate=0.5), False),
        (Layer("a", dropout=0.2, recurrent_dropout=0.0), True),
        (Layer("a", dropout=0.0, recurrent_dropout=0.2), True),
        (Layer("a", dropout=0.0, recurrent_dropout=0.0), False),
        (Layer("a", dropout=Dropout("b", rate=0.5)), False),
        (Layer("a"), False),
        (Broken("a"), False),
        # By the name that the model's summary has.
        (Layer("a", layer=Dropout("b", rate=0.5)), True),
        (Layer("a", forward_layer=Layer("b", dropout=0.5), backward_layer=Layer("c")), True),
        (Layer("a", cell=Layer("b", cells=[Layer("c"), Layer("d", dropout=0.5)])), True),
    ],
)
def test_layers_that_draw(layer: Layer, draws: bool) -> None:
    assert drawing_layers(LAYERS, [model(layer)]) == (["a"] if draws else [])


def test_models_within_models_are_searched_once() -> None:
    shared = model(Dropout("inner", rate=0.5))
    whole = model(shared, Dropout("outer", rate=0.5), shared)
    assert drawing_layers(LAYERS, [whole, shared]) == ["outer", "inner"]


def test_a_layer_that_holds_itself_is_searched_once() -> None:
    layer = Layer("a")
    layer.__dict__.update(layer=layer, layers=[layer])
    assert drawing_layers(LAYERS, [layer]) == []


def test_the_note_names_some_of_many() -> None:
    assert note(["dropout_1", "dropout_2"]) == (
        "Not paired: the masks of dropout_1, dropout_2 (each backend draws its own)."
    )
    assert "l19 and 5 more (" in note([f"l{number}" for number in range(25)])
