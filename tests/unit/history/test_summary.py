"""What the history keeps of a run."""

import math
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.errors import StoreError
from keras_matrix.history.summary import axes_of
from keras_matrix.plan.cells import Caps, Cell, Init
from keras_matrix.plan.settings import Floatx, KerasSettings
from keras_matrix.records.record import Outcome
from tests.unit.history.builders import change, day, losses, made, summary_of, when
from tests.unit.records.builders import call, record


def test_a_run_in_short(tmp_path: Path) -> None:
    records = losses({"tf": [0.1, 0.2, 0.4], "theano": [0.1, 0.2, 0.4]})
    folder = made(tmp_path / "mine", records, on=3, commit="c" * 40)
    found = summary_of(folder)
    assert (found.run, found.created, found.model) == ("mine", when(3), "mlp")
    assert (found.folder, found.place) == (str(tmp_path / "mine"), "models/mlp/model.py")
    assert (found.commit, found.tool) == ("c" * 40, "keras-matrix 0")
    assert (found.seeds, found.repeats, found.reference) == (3, 1, "tf")
    assert found.script_sha256 == folder.manifest().plan.script_sha256
    assert found.status is Status.AGREE
    tf, theano = found.images
    assert (tf.image, tf.status, tf.outcomes) == ("tf", Status.REFERENCE, {Outcome.OK: 3})
    assert (theano.status, theano.setting) == (Status.AGREE, "default")
    assert tf.digest == folder.manifest().images["tf"].id
    reference, other = (one for one in found.metrics if one.metric == "evaluate.loss")
    assert (reference.n, reference.median, reference.low, reference.high) == (3, 0.2, 0.1, 0.4)
    assert (reference.verdict, reference.absolute, reference.reference) == (None, None, "")
    assert (other.verdict, other.absolute) == (Verdict.AGREE, 0.0)
    assert other.reference == "tf"


def test_a_difference_is_reported_of_the_image_that_differs(tmp_path: Path) -> None:
    found = summary_of(made(tmp_path / "a", losses({"tf": [0.5], "theano": [0.75]})))
    reference, other = found.metrics
    assert found.status is Status.DIFFER
    assert reference.verdict is None
    assert other.verdict is Verdict.DIFFER
    assert (other.absolute, other.relative) == (0.25, 0.5)


def test_how_cells_ended_is_counted(tmp_path: Path) -> None:
    records = [
        record(Cell("tf", seed=0), call(metrics={"loss": 0.5})),
        record(Cell("tf", seed=1), outcome=Outcome.TIMEOUT, reason="too slow"),
        record(Cell("tf", seed=2), outcome=Outcome.TIMEOUT, reason="too slow"),
    ]
    found = summary_of(made(tmp_path / "a", records))
    assert found.status is Status.FAILED
    assert found.images[0].outcomes == {Outcome.OK: 1, Outcome.TIMEOUT: 2}
    # Its values are those of the cells that ended well.
    assert [one.n for one in found.metrics] == [1]


def test_an_image_without_any_record_is_there(tmp_path: Path) -> None:
    records = losses({"tf": [0.5]})
    found = summary_of(made(tmp_path / "a", records, cells=[Cell("tf", seed=0), Cell("theano")]))
    assert found.status is Status.NOT_RUN
    assert [one.image for one in found.images] == ["tf", "theano"]
    assert (found.images[1].digest, found.images[1].outcomes) == ("", {})


def test_images_and_settings_are_kept_apart(tmp_path: Path) -> None:
    wide = KerasSettings(floatx=Floatx.FLOAT64)
    records = [
        record(Cell(name, settings), call(metrics={"loss": value}))
        for name, settings, value in (
            ("tf", KerasSettings(), 1.0),
            ("theano", KerasSettings(), 1.0),
            ("tf", wide, 2.0),
            ("theano", wide, 3.0),
        )
    ]
    found = summary_of(made(tmp_path / "a", records))
    told = {(one.image, one.setting): (one.median, one.verdict) for one in found.metrics}
    assert told == {
        ("tf", "default"): (1.0, None),
        ("tf", "float64"): (2.0, None),
        ("theano", "default"): (1.0, Verdict.AGREE),
        ("theano", "float64"): (3.0, Verdict.DIFFER),
    }
    assert [one.status for one in found.images] == [
        Status.REFERENCE,
        Status.REFERENCE,
        Status.AGREE,
        Status.DIFFER,
    ]


def test_what_is_no_number_is_no_bound(tmp_path: Path) -> None:
    (found,) = summary_of(made(tmp_path / "a", losses({"tf": [0.1, "nan", 0.3]}))).metrics
    assert math.isnan(found.median)
    assert (found.n, found.low, found.high) == (3, 0.1, 0.3)
    (lost,) = summary_of(made(tmp_path / "b", losses({"tf": ["nan"]}))).metrics
    assert math.isnan(lost.low)
    assert math.isnan(lost.high)


def test_a_script_without_a_known_place_goes_by_its_name(tmp_path: Path) -> None:
    assert summary_of(made(tmp_path / "a", losses({"tf": [1.0]}), place="")).place == "model.py"


def test_a_date_of_another_zone_becomes_utc(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", losses({"tf": [1.0]}), created="2026-01-01T02:00:00+03:00")
    assert summary_of(folder).created == datetime(2025, 12, 31, 23, tzinfo=timezone.utc)


def test_an_invalid_date_is_reported(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", losses({"tf": [1.0]}), created="yesterday")
    with pytest.raises(StoreError, match="'yesterday' is not a date"):
        summary_of(folder)


def test_axes_are_what_is_varied_but_not_seeds_nor_the_script(tmp_path: Path) -> None:
    first = made(tmp_path / "a", losses({"tf": [1.0], "theano": [1.0]}))
    other = made(tmp_path / "b", losses({"tf": [1.0], "theano": [1.0]}, first=7), script=b"pass")
    assert axes_of(first.manifest().plan) == axes_of(other.manifest().plan)


@pytest.mark.parametrize(
    "changed",
    [
        {"images": ("theano", "tf")},
        {"arguments": ("--epochs", "2")},
        {"caps": Caps(epochs=1)},
        {"init": Init.PAIRED},
        {"cells": (Cell("tf", KerasSettings(floatx=Floatx.FLOAT64)),)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_axes_distinguish_runs_that_cannot_be_compared(
    changed: dict[str, object], tmp_path: Path
) -> None:
    plan = made(tmp_path / "a", losses({"tf": [1.0], "theano": [1.0]})).manifest().plan
    assert axes_of(replace(plan, **changed)) != axes_of(plan)  # type: ignore[arg-type]


def test_a_manifest_of_before_has_neither_place_nor_commit(tmp_path: Path) -> None:
    folder = made(tmp_path / "a", losses({"tf": [1.0]}), created=day(1))
    change(folder, commit="d" * 40)
    path = folder.path / "manifest.json"
    text = path.read_text()
    assert '"commit"' in text
    later = ('"commit"', '"place"', '"sha256"')
    lines = [line for line in text.splitlines() if not any(name in line for name in later)]
    path.write_text("\n".join(lines).replace(",\n}", "\n}"))
    assert (folder.manifest().place, folder.manifest().commit) == ("", "")
