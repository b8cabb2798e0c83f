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
from tests.unit.trace.builders import CaptureWriter, Fields, chain, node

WEIGHTED = chain("a", "b", a={"weights": ["a/kernel"]}, b={"kind": "Lambda"})


def side(
    folder: Path,
    image: str,
    nodes: list[Fields] | None = None,
    *,
    failed: Any = (),
    complete: bool = True,
    unbuilt: Fields | None = None,
    outcome: Outcome = Outcome.OK,
    reason: str = "",
) -> ImageCapture:
    writer = CaptureWriter(folder / image)
    if complete:
        writer.model(WEIGHTED if nodes is None else nodes)
    for stage, name in failed:
        writer.dump.entry("failed", stage=stage, name=name, error="ValueError", message="no")
    if unbuilt is not None:
        writer.dump.entry("building", **unbuilt)
    if complete:
        writer.dump.entry("looked", model="model_1")
    return ImageCapture(image, writer.read(), record(Cell(image), outcome=outcome, reason=reason))


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


def places(findings: list[Finding]) -> list[tuple[str, FindingKind, Origin]]:
    return [(finding.where, finding.kind, finding.origin) for finding in findings]


def test_nothing_is_broken_where_both_ran(tmp_path: Path) -> None:
    assert find_failures(side(tmp_path, "tf"), side(tmp_path, "theano")) == []


# What cannot be computed


@pytest.mark.parametrize("image", ["tf", "theano"])
def test_a_layer_that_cannot_be_computed_on_one_image(tmp_path: Path, image: str) -> None:
    sides = [
        side(tmp_path, one, failed=[("forward", "b")] if one == image else [])
        for one in ("tf", "theano")
    ]
    (finding,) = find_failures(sides[0], sides[1])
    assert (finding.kind, finding.origin, finding.where, finding.layer) == (
        *(FindingKind.BUILD, Origin.REAL),
        *("b", "Lambda"),
    )
    assert finding.what == f"fails on {image} only, when its output is computed"
    assert finding.message == "ValueError: no"


def test_what_fails_on_both_is_not_a_difference(tmp_path: Path) -> None:
    one, two = (side(tmp_path, image, failed=[("forward", "b")]) for image in ("tf", "theano"))
    assert find_failures(one, two) == []


def test_what_fails_after_inherits_it(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("forward", "b"), ("loss", "")])
    assert places(find_failures(side(tmp_path, "tf"), other)) == [
        ("b", FindingKind.BUILD, Origin.REAL),
        ("the model", FindingKind.BUILD, Origin.INHERITED),
    ]


def test_a_gradient_that_cannot_be_computed_is_reported_with_its_layer(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("gradient", "a/kernel")])
    (finding,) = find_failures(side(tmp_path, "tf"), other)
    assert (finding.where, finding.layer) == ("a/kernel", "Dense")


def test_a_gradient_that_only_the_capture_needs_is_not_reported(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("gradient", "x")])
    assert find_failures(side(tmp_path, "tf"), other) == []


def test_what_failed_only_in_a_replay_is_not_reported(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", failed=[("alone", "b"), ("skipped", "")])
    assert find_failures(side(tmp_path, "tf"), other) == []


# What does not run


def test_a_layer_that_cannot_be_built_on_one_image(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"),
        complete=False,
        unbuilt=failing(config={"interpolation": "bilinear"}),
        outcome=Outcome.SCRIPT_ERROR,
        reason="ValueError: by 2 only",
    )
    (finding,) = find_failures(side(tmp_path, "tf"), other)
    assert (finding.kind, finding.origin, finding.where, finding.layer) == (
        *(FindingKind.BUILD, Origin.REAL),
        *("up", "UpSampling2D"),
    )
    assert finding.what == "fails on theano only, while the model is built"
    assert finding.message == "ValueError: by 2 only"
    assert (finding.config, finding.input_shapes) == (
        {"interpolation": "bilinear"},
        [[None, 8, 8, 3]],
    )


def test_a_failure_that_the_script_caught_is_not_the_end(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"),
        complete=False,
        unbuilt=failing(message="caught"),
        outcome=Outcome.SCRIPT_ERROR,
        reason="KeyError: 'later'",
    )
    failure = Failure(kind="KeyError", message="'later'", traceback="", file=None, line=None)
    other.record.observation.end = msgspec.structs.replace(end(), error=failure)
    (finding,) = find_failures(side(tmp_path, "tf"), other)
    assert (finding.where, finding.message) == ("the script", "KeyError: 'later'")


def test_a_script_that_ends_elsewhere_on_one_image(tmp_path: Path) -> None:
    other = side(
        *(tmp_path, "theano"), complete=False, outcome=Outcome.TIMEOUT, reason="longer than 60 s"
    )
    (finding,) = find_failures(side(tmp_path, "tf"), other)
    assert (finding.kind, finding.where, finding.message) == (
        *(FindingKind.BUILD, "the script"),
        "longer than 60 s",
    )


def test_a_training_that_fails_on_one_image(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", outcome=Outcome.OUT_OF_MEMORY, reason="4 GiB")
    (finding,) = find_failures(side(tmp_path, "tf"), other)
    assert (finding.kind, finding.what) == (
        FindingKind.TRAINING,
        "fails on theano only, after the capture",
    )


def test_a_failure_in_the_capture_is_not_reported_again_at_the_end(tmp_path: Path) -> None:
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
        complete=False,
        unbuilt=failing(),
        outcome=Outcome.SCRIPT_ERROR,
        reason="ValueError: by 2 only",
    )
    assert [one.where for one in find_failures(reference, other)] == ["up"]


def test_the_same_end_on_both_is_not_a_difference(tmp_path: Path) -> None:
    given: Any = {"outcome": Outcome.SCRIPT_ERROR, "reason": "no disk"}
    assert find_failures(side(tmp_path, "tf", **given), side(tmp_path, "theano", **given)) == []


# Other models and shapes


def test_a_layer_of_one_image_only(tmp_path: Path) -> None:
    other = side(tmp_path, "theano", chain("a"))
    (finding,) = find_failures(side(tmp_path, "tf", chain("a", "b")), other)
    assert (finding.where, finding.what) == ("b", "a layer of the model on tf only")


def test_another_shape_to_keras(tmp_path: Path) -> None:
    shapes = {"b": {"kind": "Lambda", "output_shapes": [[None, 1]]}}
    reference = side(tmp_path, "tf", chain("a", "b", **shapes))
    (finding,) = find_failures(reference, side(tmp_path, "theano"))
    assert (finding.kind, finding.where, finding.layer) == (FindingKind.SHAPE, "b", "Lambda")
    assert finding.what == "inferred output shape (?, 1) on tf, (?, 3) on theano"


def test_another_shape_is_reported_where_it_begins(tmp_path: Path) -> None:
    a = {"output_shapes": [[None, 1]]}
    b = {"input_shapes": [[None, 1]], "output_shapes": [[None, 1]]}
    findings = find_failures(
        side(tmp_path, "tf", chain("a", "b", a=a, b=b)), side(tmp_path, "theano", chain("a", "b"))
    )
    assert [one.where for one in findings] == ["a"]


def test_a_layer_before_a_failure_is_to_blame_for_its_shape(tmp_path: Path) -> None:
    nodes = chain(
        *("a", "b"),
        a={"kind": "Lambda", "output_shapes": [[None, 1]]},
        b={"input_shapes": [[None, 1]]},
    )
    other = side(
        *(tmp_path, "theano"),
        complete=False,
        unbuilt=failing(layer="b", kind="Dense", input_shapes=[[None, 3]]),
        outcome=Outcome.SCRIPT_ERROR,
        reason="no",
    )
    findings = find_failures(side(tmp_path, "tf", nodes), other)
    assert places(findings)[0] == ("a", FindingKind.BUILD, Origin.REAL)
    assert findings[0].what == (
        "inferred output shape (?, 1) on tf, (?, 3) on theano; b then fails on theano only"
    )
    assert [one.origin for one in findings[1:]] == [Origin.INHERITED]
