"""Edits of minimal scripts: a place is found, or the script is not changed by half."""

import pytest

from keras_matrix.trace.explain.edits import (
    SET_WEIGHTS,
    Apply,
    Edit,
    Insert,
    Place,
    Without,
    edited,
)

SCRIPT = """\
# dense: forward
import numpy as np
from keras.layers import Dense, Input
import numpy as np
model = 'of the traced script'

x = np.zeros((2, 3))
inputs = Input(shape=(3,))
layer = Dense(units=2)
model = Model(inputs, layer(inputs))
layer.set_weights([np.ones((3, 2)),
    np.zeros(2)])
model.compile('sgd', 'mse')
model.fit(x, x)
"""


def lines(*edits: Edit) -> list[str]:
    text = edited(SCRIPT, edits)
    assert text is not None
    return text.split("\n")


@pytest.mark.parametrize(
    ("place", "before", "after"),
    [
        (Place.IMPORTS, "# dense: forward", "import numpy as np"),
        (Place.INPUTS, "x = np.zeros((2, 3))", "inputs = Input(shape=(3,))"),
        (Place.MODEL, "layer = Dense(units=2)", "model = Model(inputs, layer(inputs))"),
        (Place.COMPILE, "    np.zeros(2)])", "model.compile('sgd', 'mse')"),
    ],
)
def test_lines_are_added_before_a_place(place: Place, before: str, after: str) -> None:
    found = lines(Insert(place, "first\nsecond\n"))
    index = found.index("first")
    assert found[index - 1 : index + 3] == [before, "first", "second", after]
    assert len(found) == len(SCRIPT.split("\n")) + 2


def test_a_layer_is_applied_otherwise() -> None:
    found = lines(Apply("layer(Other()({}))"))
    assert "model = Model(inputs, layer(Other()(inputs)))" in found
    assert "model = 'of the traced script'" in found


def test_a_statement_is_left_out_to_its_end() -> None:
    found = lines(Without(SET_WEIGHTS))
    assert not any("np.ones" in line or "np.zeros(2)" in line for line in found)
    assert "model.compile('sgd', 'mse')" in found


def test_nothing_to_leave_out() -> None:
    assert lines(Without("layer.absent")) == SCRIPT.split("\n")


@pytest.mark.parametrize("edit", [Insert(Place.COMPILE, "a"), Apply("layer({})")])
def test_a_script_without_the_place_is_not_changed(edit: Edit) -> None:
    assert edited("import numpy\nmodel = Model(a, b)\n", [edit]) is None
