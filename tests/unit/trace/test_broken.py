"""What one image can build or compute and another cannot."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from keras_matrix.plan.cells import Cell
from keras_matrix.records.events import Failure
from keras_matrix.records.record import Outcome
from keras_matrix.trace.broken import ImageCapture, find_failures
from keras_matrix.trace.finding import Finding, FindingKind, Origin
from tests.unit.records.builders import end, record
from tests.unit.trace.builders import Fields, Writing, chain, node

WEIGHTED = chain("a", "b", a={"weights": ["a/kernel"]}, b={"kind": "Lambda"})


def side(
    folder: Path,
    image: str,
    nodes: list[Fields] | None = None,
    *,
    failed: Any = (),
    looked: bool = True,
    building: Fields | None = None,
    outcome: Outcome = Outcome.OK,
    reason: str = "",
) -> ImageCapture:
    made = Writing(folder / image)
    if looked:
        made.model(WEIGHTED if nodes is None else nodes)
    for stage, name in failed:
        made.dump.entry("failed", stage=stage, name=name, error="ValueError", message="no")
    if building is not None:
        made.dump.entry("building", **building)
    if looked:
        made.dump.entry("looked", model="model_1")
    return ImageCapture(image, made.read(), record(Cell(image), outcome=outcome, reason=reason))


def failing(**changed: Any) -> Fields:
    """Describe a layer that could not be applied."""
    kept = {name: node("up", "UpSampling2D")[name] for name in ("own", "config", "source")}
    return {
        "layer": "up",
        "kind": "UpSampling2D",
        "error": "ValueError",
        "message": "by 2 only",
        **kept,
        "input_shapes": [[None, 8, 8, 3]],
        **changed,
    }


def places(found: list[Finding]) -> list[tuple[str, FindingKind, Origin]]:
    return [(one.where, one.kind, one.origin) for one in found]


def test_nothing_is_broken_where_both_ran(tmp_path: Path) -> None:
    assert find_failures(side(tmp_path, "tf"), side(tmp_path, "theano")) == []


# What cannot be computed


@pytest.mark.parametrize("image", ["tf", "theano"])
def test_a_layer_that_cannot_be_computed_on_one_image(tmp_path: Path, image: str) -> None:
    sides = [
        side(tmp_path, one, failed=[("forward", "b")] if one == image else [])
        for one in ("tf", "theano")
    ]
    (found,) = find_failures(sides[0], sides[1])
    assert (found.kind, found.origin, found.where, found.layer) == (
        *(FindingKind.BUILD, Origin.REAL),
        *("b", "Lambda"),
    )
    assert found.what == f"fails on {image} only, when its output is computed"
    assert found.message == "ValueError: no"


def test_what_fails_on_both_is_no_difference(tmp_path: Path) -> None:
    one, two = (side(tmp_path, image, failed=[("forward", "b")]) for image in ("tf", "theano"))
    assert find_failures(one, two) == []


def test_what_fails_after_inherits_it(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("forward", "b"), ("loss", "")])
    assert places(find_failures(side(tmp_path, "tf"), other)) == [
        ("b", FindingKind.BUILD, Origin.REAL),
        ("the model", FindingKind.BUILD, Origin.INHERITED),
    ]


def test_a_gradient_that_cannot_be_computed_is_told_with_its_layer(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("gradient", "a/kernel")])
    (found,) = find_failures(side(tmp_path, "tf"), other)
    assert (found.where, found.layer) == ("a/kernel", "Dense")


def test_a_gradient_that_only_the_trace_wanted_is_not_told(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("gradient", "x")])
    assert find_failures(side(tmp_path, "tf"), other) == []


def test_what_failed_alone_is_not_told(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("alone", "b"), ("skipped", "")])
    assert find_failures(side(tmp_path, "tf"), other) == []


# What does not run


def test_a_layer_that_cannot_be_built_on_one_image(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"),
        looked=False,
        building=failing(config={"interpolation": "bilinear"}),
        outcome=Outcome.SCRIPT_ERROR,
        reason="ValueError: by 2 only",
    )
    (found,) = find_failures(side(tmp_path, "tf"), other)
    assert (found.kind, found.origin, found.where, found.layer) == (
        *(FindingKind.BUILD, Origin.REAL),
        *("up", "UpSampling2D"),
    )
    assert found.what == "fails on theano only, while the model is built"
    assert found.message == "ValueError: by 2 only"
    assert (found.config, found.input_shapes) == (
        {"interpolation": "bilinear"},
        [[None, 8, 8, 3]],
    )


def test_a_failure_that_the_script_caught_is_not_the_end(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"),
        looked=False,
        building=failing(message="caught"),
        outcome=Outcome.SCRIPT_ERROR,
        reason="KeyError: 'later'",
    )
    failure = Failure(kind="KeyError", message="'later'", traceback="", file=None, line=None)
    other.record.observation.end = msgspec.structs.replace(end(), error=failure)
    (found,) = find_failures(side(tmp_path, "tf"), other)
    assert (found.where, found.message) == ("the script", "KeyError: 'later'")


def test_a_script_that_ends_elsewhere_on_one_image(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"), looked=False, outcome=Outcome.TIMEOUT, reason="longer than 60 s"
    )
    (found,) = find_failures(side(tmp_path, "tf"), other)
    assert (found.kind, found.where, found.message) == (
        *(FindingKind.BUILD, "the script"),
        "longer than 60 s",
    )


def test_a_training_that_fails_on_one_image(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", outcome=Outcome.OUT_OF_MEMORY, reason="4 GiB")
    (found,) = find_failures(side(tmp_path, "tf"), other)
    assert (found.kind, found.what) == (
        FindingKind.TRAINING,
        "fails on theano only, after the capture",
    )


def test_what_was_told_by_the_look_is_not_told_by_the_end(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"), failed=[("gradient", "")], outcome=Outcome.SCRIPT_ERROR, reason="no"
    )
    assert places(find_failures(side(tmp_path, "tf"), other)) == [
        ("the model", FindingKind.BUILD, Origin.REAL)
    ]


def test_a_reference_that_fails_after_the_look_hides_no_failure_before_it(tmp_path: Path) -> None:
    reference = side(tmp_path, "tf", outcome=Outcome.SCRIPT_ERROR, reason="no disk")
    other = side(
        *(tmp_path, "theano"),
        looked=False,
        building=failing(),
        outcome=Outcome.SCRIPT_ERROR,
        reason="ValueError: by 2 only",
    )
    assert [one.where for one in find_failures(reference, other)] == ["up"]


def test_the_same_end_on_both_is_no_difference(tmp_path: Path) -> None:
    given: Any = {"outcome": Outcome.SCRIPT_ERROR, "reason": "no disk"}
    assert find_failures(side(tmp_path, "tf", **given), side(tmp_path, "theano", **given)) == []


# Other models and shapes


def test_a_layer_of_one_image_only(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", chain("a"))
    (found,) = find_failures(side(tmp_path, "tf", chain("a", "b")), other)
    assert (found.where, found.what) == ("b", "a layer of the model on tf only")


def test_another_shape_to_keras(tmp_path: Path) -> None:
    shapes = {"b": {"kind": "Lambda", "output_shapes": [[None, 1]]}}
    reference = side(tmp_path, "tf", chain("a", "b", **shapes))
    (found,) = find_failures(reference, side(tmp_path, "theano"))
    assert (found.kind, found.where, found.layer) == (FindingKind.SHAPE, "b", "Lambda")
    assert found.what == "inferred output shape (?, 1) on tf, (?, 3) on theano"


def test_another_shape_is_told_where_it_begins(tmp_path: Path) -> None:
    a = {"output_shapes": [[None, 1]]}
    b = {"input_shapes": [[None, 1]], "output_shapes": [[None, 1]]}
    found = find_failures(
        side(tmp_path, "tf", chain("a", "b", a=a, b=b)), side(tmp_path, "theano", chain("a", "b"))
    )
    assert [one.where for one in found] == ["a"]


def test_a_layer_before_a_failure_is_to_blame_for_its_shape(tmp_path: Path) -> None:
    nodes = chain(
        *("a", "b"),
        a={"kind": "Lambda", "output_shapes": [[None, 1]]},
        b={"input_shapes": [[None, 1]]},
    )
    other = side(
        *(tmp_path, "theano"),
        looked=False,
        building=failing(layer="b", kind="Dense", input_shapes=[[None, 3]]),
        outcome=Outcome.SCRIPT_ERROR,
        reason="no",
    )
    found = find_failures(side(tmp_path, "tf", nodes), other)
    assert places(found)[0] == ("a", FindingKind.BUILD, Origin.REAL)
    assert found[0].what == (
        "inferred output shape (?, 1) on tf, (?, 3) on theano; b then fails on theano only"
    )
    assert [one.origin for one in found[1:]] == [Origin.INHERITED]
