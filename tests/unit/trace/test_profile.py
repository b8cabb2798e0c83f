"""What a trace keeps of every layer, for its charts."""

from pathlib import Path

import msgspec
import pytest

from keras_matrix.records.files import to_json
from keras_matrix.report import plots
from keras_matrix.trace import conclude
from keras_matrix.trace.finding import TraceStage
from keras_matrix.trace.result import ImageTrace, LayerDistance, Trace
from tests.unit.trace.builders import TracedModel, chain, floats

ONE = floats([1.0, 0.5])


def by_layer(
    profile: list[LayerDistance], stage: TraceStage
) -> dict[tuple[str, str], float | None]:
    return {(one.name, one.phase): one.excess for one in profile if one.stage is stage}


def test_a_profile_has_every_layer_in_every_phase(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, chain("a", "b"))
    model.dump_both("output", "b", ONE, ONE * 2)
    model.dump_both("output", "a", ONE)
    profile = conclude.profile_layers(model.reference, model.table())
    excess = by_layer(profile, TraceStage.OUTPUTS)
    assert list(excess) == [
        *(("a", "inference"), ("a", "training"), ("b", "inference"), ("b", "training"))
    ]
    assert excess["a", "training"] == 0.0
    far = excess["b", "training"]
    assert far is not None
    assert far > 1000


def test_weights_count_for_their_layer_the_furthest_one(tmp_path: Path) -> None:
    weights = {"b": {"weights": ["b/kernel", "b/bias"]}}
    model = TracedModel(tmp_path, chain("a", "b", **weights))
    model.dump_both("gradient", "b/bias", ONE, when="training")
    model.dump_both("gradient", "b/kernel", ONE, ONE * 2, when="training")
    model.dump_both("gradient.output", "a", ONE, when="training")
    model.dump_both("step", "b/bias", ONE, ONE * 2, when="1")
    model.dump_both("step.slot", "b/kernel.slot1", ONE, ONE * 3, when="1")
    model.dump_both("step.slot", "iterations", ONE, ONE * 4, when="1")
    profile = conclude.profile_layers(model.reference, model.table())
    assert {one.stage for one in profile} == {TraceStage.GRADIENTS, TraceStage.UPDATES}
    gradients, updates = (
        by_layer(profile, stage) for stage in (TraceStage.GRADIENTS, TraceStage.UPDATES)
    )
    assert list(gradients) == [("a", ""), ("b", "")]
    assert gradients["a", ""] == 0.0
    table = model.table()
    kernel = table["gradient", "b/kernel", "training"].excess
    slot = table["step.slot", "b/kernel.slot1", "1"].excess
    assert gradients["b", ""] == float(f"{kernel:.3g}")
    assert updates == {("b", ""): float(f"{slot:.3g}")}


def test_what_cannot_be_compared_has_no_number(tmp_path: Path) -> None:
    model = TracedModel(tmp_path, chain("a"))
    model.dump_both("output", "a", ONE, floats([1.0]))
    profile = conclude.profile_layers(model.reference, model.table())
    assert set(by_layer(profile, TraceStage.OUTPUTS).values()) == {None}


def test_a_stage_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TracedModel(tmp_path, chain("a", "b"))
    model.dump_both("output", "a", ONE)
    model.dump_both("output", "b", ONE)
    reference, table = model.reference, model.table()
    whole = conclude.profile_layers(reference, table)
    monkeypatch.setattr(conclude, "MAX_PROFILE_ENTRIES", 3)
    assert conclude.profile_layers(reference, table) == whole[:3]


def test_it_is_read_back_and_drawn_and_older_files_are_read() -> None:
    profile = [LayerDistance(TraceStage.OUTPUTS, "dense", "inference", 2.5)]
    trace = Trace(
        tool="keras-matrix 0",
        run="a-run",
        model="mlp",
        reference="tf",
        layers=1,
        still=[],
        seconds={},
        images=[ImageTrace(image="theano", findings=[], profile=profile)],
    )
    content = to_json(trace)
    read = msgspec.json.decode(content, type=Trace)
    assert read.images[0].profile == profile
    assert len(plots.draw_divergence(read)) == 1
    fields = msgspec.json.decode(content)
    del fields["images"][0]["profile"]
    older = msgspec.json.decode(msgspec.json.encode(fields), type=Trace)
    assert older.images[0].profile == []
