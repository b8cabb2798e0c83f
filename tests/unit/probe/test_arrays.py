import math
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest

from keras_matrix.records import arrays
from keras_matrix.records.events import Array
from keras_matrix_probe import arrays as probe
from keras_matrix_probe.arrays import ArrayStore


@pytest.fixture
def store(tmp_path: Path) -> ArrayStore:
    return ArrayStore(str(tmp_path))


def test_the_host_reads_what_was_kept(tmp_path: Path, store: ArrayStore) -> None:
    (described,) = store.save("predict", numpy.array([[1, 2], [3, 6]], dtype="float32"))
    assert described == {
        "name": "predict.0",
        "shape": [2, 2],
        "dtype": "float32",
        "mean": 3.0,
        "std": pytest.approx(1.8708287),
        "not_finite": 0,
        "file": "arrays/1-predict.0.npz",
    }
    assert arrays.read(tmp_path / described["file"]).tolist() == [[1.0, 2.0], [3.0, 6.0]]


def test_several_outputs_are_several_arrays(tmp_path: Path, store: ArrayStore) -> None:
    ones, twos = numpy.ones(2), numpy.full(2, 2.0)
    listed = store.save("predict", [ones, twos])
    named = store.save("predict#2", {"b": ones, "a": twos})
    assert [description["name"] for description in listed] == ["predict.0", "predict.1"]
    assert [description["name"] for description in named] == ["predict#2.a", "predict#2.b"]
    assert [description["mean"] for description in (*listed, *named)] == [1.0, 2.0, 2.0, 1.0]
    files = [description["file"] for description in (*listed, *named)]
    assert len(set(files)) == 4
    assert [arrays.read(tmp_path / file)[0] for file in files] == [1.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize(
    "keys",
    [
        ("a b", "a-b"),
        ("a/b", "a:b"),
        ("x" * 200 + "1", "x" * 200 + "2"),
        ("größe", "数"),
        ("../../etc", "..-..-etc"),
    ],
)
def test_outputs_of_any_name_have_files_of_their_own(
    tmp_path: Path, store: ArrayStore, keys: tuple[str, str]
) -> None:
    described = store.save("predict", {keys[0]: numpy.array([1.0]), keys[1]: numpy.array([2.0])})
    for description in described:
        # The host takes it.
        assert msgspec.convert(description, Array).file == description["file"]
        assert arrays.read(tmp_path / description["file"]).tolist() == [description["mean"]]


@pytest.mark.parametrize(
    "value", [None, "text", numpy.array(["a"]), numpy.array([object()]), numpy.zeros((0, 3))]
)
def test_what_is_not_numbers_is_described_only(
    tmp_path: Path, store: ArrayStore, value: Any
) -> None:
    (described,) = store.save("predict", value)
    assert (described["mean"], described["std"], described["file"]) == (None, None, None)
    assert not (tmp_path / "arrays").exists()


def test_kinds_of_numbers(store: ArrayStore) -> None:
    for kind in ("bool", "int8", "uint16", "float16"):
        (described,) = store.save("predict", numpy.array([0, 1], dtype=kind))
        assert (described["dtype"], described["mean"]) == (kind, 0.5)


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_not_finite_is_counted_without_a_word(store: ArrayStore, strict: bool) -> None:
    values = numpy.array([math.inf, -math.inf, 1.0, math.nan])
    # A script may have asked NumPy to raise; the probe is not its business.
    with numpy.errstate(all="raise" if strict else "warn"):
        (described,) = store.save("predict", values)
    assert described["not_finite"] == 3
    assert math.isnan(described["mean"])


def test_a_low_precision_does_not_spoil_the_mean(store: ArrayStore) -> None:
    (described,) = store.save("predict", numpy.full(100_000, 1.0, dtype="float16"))
    assert described["mean"] == 1.0


def test_arrays_beyond_the_budget_are_described_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "MAX_TOTAL_BYTES", 100)
    store = ArrayStore(str(tmp_path))
    first, second, third = store.save(
        "predict", [numpy.ones(10), numpy.full(10, 2.0), numpy.full(2, 3.0)]
    )
    assert first["file"] is not None
    assert (second["mean"], second["file"]) == (2.0, None)
    assert third["file"] is not None
