"""What a cell captured is read back; forged files are refused."""

import io
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.plan.contract import INDEX_FILE
from keras_matrix.records.untrusted import UnreadableError
from keras_matrix.trace import dump
from keras_matrix.trace.dump import Capture, read, read_array
from keras_matrix.trace.measure import measure
from keras_matrix.trace.rounding import Allowance
from tests.unit.records.builders import Touch
from tests.unit.trace.builders import CaptureWriter, chain, floats, node

KEY = ("weight", "a/kernel", "start")
ARRAY = {
    "entry": "array",
    "what": "weight",
    "name": "a/kernel",
    "when": "start",
    "file": "1.npy",
    "shape": [2],
    "dtype": "float32",
}


def index(folder: Path, *lines: Any) -> Path:
    """Write an index of entries, or of lines as they are."""
    texts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    (folder / INDEX_FILE).write_bytes(b"".join(text + b"\n" for text in texts))
    return folder


def entry(**changed: Any) -> dict[str, Any]:
    return {**ARRAY, **changed}


def written(folder: Path) -> CaptureWriter:
    writer = CaptureWriter(folder).model(chain("a", "b"))
    writer.array(*KEY, floats([1.0, 2.0]))
    return writer


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    numpy.save(file, array)
    return file.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    content = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + data


def claims(shape: str, descr: str = "<f4", data: bytes = b"") -> bytes:
    return header(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}", data)


# What the probe wrote


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "int64", "uint8"])
def test_an_array_is_read_as_it_was(tmp_path: Path, kind: str) -> None:
    writer = CaptureWriter(tmp_path)
    writer.array(*KEY, numpy.array([[0, 1], [2, 3]], dtype=kind))
    array = writer.read().array(KEY)
    assert array is not None
    assert array.dtype == kind
    assert array.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize("value", [numpy.float32(0.5), 0.5, numpy.zeros((0, 3))])
def test_scalars_and_empty_arrays_are_arrays(tmp_path: Path, value: Any) -> None:
    writer = CaptureWriter(tmp_path)
    writer.array(*KEY, value)
    array = writer.read().array(KEY)
    assert array is not None
    assert array.shape == numpy.shape(value)


def test_an_array_in_columns_is_read_in_its_own_order(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    writer.array(*KEY, numpy.asfortranarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
    array = writer.read().array(KEY)
    assert array is not None
    assert array.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_truth_values_are_numbers(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    writer.array(*KEY, numpy.array([True, False]))
    array = writer.read().array(KEY)
    assert array is not None
    assert array.tolist() == [1, 0]


def test_an_array_that_was_not_dumped_is_none(tmp_path: Path) -> None:
    assert written(tmp_path).read().array(("output", "a", "training")) is None


def test_nodes_keep_their_order_and_are_found_by_key(tmp_path: Path) -> None:
    capture = written(tmp_path).read()
    assert [one.key for one in capture.nodes] == ["x", "a", "b"]
    a = capture.node("a")
    assert a is not None
    assert a.feeds == [("x", 0)]
    assert capture.node("c") is None


def test_all_other_entries_of_the_probe(tmp_path: Path) -> None:
    writer = written(tmp_path)
    writer.batch([floats([1.0])], [floats([0.0])])
    writer.dump.entry("still", layers=["dropout"])
    writer.dump.entry("skipped", layers=["up"])
    writer.dump.entry("stage", name="forward")
    writer.dump.entry("failed", stage="forward", name="a", error="ValueError", message="no")
    writer.dump.entry("looked", model="model_1")
    capture = writer.read()
    assert (capture.disabled, capture.skipped, capture.complete) == (("dropout",), ("up",), True)
    assert capture.batch is not None
    assert (capture.batch.inputs, capture.batch.targets) == (1, 1)
    assert [(one.stage, one.name) for one in capture.failures] == [("forward", "a")]
    assert capture.model is not None
    assert capture.model.outputs == [("b", 0)]


def test_a_layer_that_could_not_be_applied(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path)
    fields = {name: node("up")[name] for name in ("layer", "kind", "own", "config", "source")}
    shapes = {"input_shapes": [[None, 4, None]], "error": "ValueError", "message": "no"}
    writer.dump.entry("building", **fields, **shapes)
    unbuilt = writer.read().unbuilt
    assert unbuilt is not None
    assert unbuilt.input_shapes == [[None, 4, None]]


def test_numbers_that_are_not_finite_in_a_configuration(tmp_path: Path) -> None:
    writer = CaptureWriter(tmp_path).model([node("a", config={"max_value": float("inf")})])
    assert writer.read().nodes[0].config == {"max_value": "inf"}


# What a cell did not finish


def test_a_cell_without_a_model_saw_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == Capture(tmp_path)
    assert read(tmp_path / "missing").nodes == []


def test_an_unfinished_last_line_is_left_out(tmp_path: Path) -> None:
    writer = written(tmp_path)
    with (tmp_path / INDEX_FILE).open("ab") as file:
        file.write(b'{"entry": "array", "wh')
    assert list(writer.read().arrays) == [KEY]


def test_a_stage_is_reported_while_the_index_grows() -> None:
    assert dump.stage_of_line(b'{"entry": "stage", "name": "forward"}') == "layers' outputs"
    for line in (b"", b"{", b"\xff", b"[" * 5000, b'{"entry": "looked", "model": "m"}'):
        assert dump.stage_of_line(line) is None


def test_an_unknown_stage_is_not_printed() -> None:
    assert dump.stage_of_line(b'{"entry": "stage", "name": "\\u001b[2J"}') is None


# What a cell forged


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 5000,
        {"entry": "unknown"},
        {"what": "weight"},
        entry(what=1),
        entry(name="n" * 5000),
        entry(shape=[-1]),
        entry(shape=[0.5]),
        entry(shape=[1] * 65),
        entry(shape=None),
        {"entry": "batch", "inputs": -1, "targets": 0},
        {"entry": "node", **node("a", feeds=[]), "feeds": [["x", -1]]},
        {"entry": "node", **node("a"), "weights": [None]},
        {"entry": "still", "layers": "dropout"},
        {"entry": "failed", "stage": "s", "name": "n", "error": "e", "message": "m" * 70000},
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, line: Any) -> None:
    with pytest.raises(UnreadableError, match=r"index\.jsonl, line 2"):
        read(index(tmp_path, ARRAY, line))


@pytest.mark.parametrize(
    "file",
    [
        *("../1.npy", "/etc/passwd", "a/1.npy", "..", "", "1.npz", "1.npy/../../1.npy"),
        *("1.npy\n", "1.npy\x00", "-1.npy", "1234567890.npy"),
    ],
)
def test_a_file_elsewhere_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(UnreadableError, match="line 1"):
        read(index(tmp_path, entry(file=file)))


@pytest.mark.parametrize("phases", [[], ["a", "b", "c"], [1]])
def test_a_model_has_one_phase_or_two(tmp_path: Path, phases: Any) -> None:
    CaptureWriter(tmp_path).model(chain("a"), phases=phases)
    with pytest.raises(UnreadableError):
        read(tmp_path)


def test_an_index_beyond_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index(tmp_path, *[ARRAY] * 5)
    monkeypatch.setattr(dump, "MAX_INDEX_LINES", 5)
    with pytest.raises(UnreadableError, match="more than 5 lines"):
        read(tmp_path)
    monkeypatch.setattr(dump, "MAX_INDEX_BYTES", 100)
    with pytest.raises(UnreadableError, match="larger"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_an_index_that_is_not_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / INDEX_FILE
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        (tmp_path / "real").write_bytes(b"")
        path.symlink_to(tmp_path / "real")
    with pytest.raises(UnreadableError):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["missing", "folder", "link", "fifo"])
def test_an_array_that_is_not_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    capture = read(index(tmp_path, ARRAY))
    path = tmp_path / "1.npy"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        numpy.save(tmp_path / "real.npy", floats([1.0, 2.0]))
        path.symlink_to(tmp_path / "real.npy")
    with pytest.raises(UnreadableError):
        capture.array(KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not an array",
        b"\x93NUMPY",
        b"\x93NUMPY\x02\x00" + npy(floats(1.0))[8:],
        npy(floats([1.0, 2.0]))[:-1],
        npy(floats([1.0, 2.0])) + b"\x00" * 4,
        npy(floats([1.0, 2.0]))[:20],
        header(""),
        header("("),
        header("(" * 5000),
        header("-" * 5000 + "1"),
        header("{}"),
        header("import os"),
        claims("(2,)"),
        claims("'ab'"),
        # Nothing of that size is there, and no room for it is made.
        claims("(10000000000000,)"),
        claims("(1000000000000000000000000,)"),
        claims("(0, 1000000000000000000000000)"),
        claims("(1,)", descr="|O", data=b"\x00" * 8),
        claims("(1,)", descr="<U2", data=b"a\0\0\0b\0\0\0"),
        claims("(1,)", descr="<c8", data=b"\x00" * 8),
        claims("(1,)", descr="<M8[s]", data=b"\x00" * 8),
        claims("(1,)", descr="|V0"),
        claims("(1,)", descr="nonsense", data=b"\x00" * 8),
    ],
)
def test_a_damaged_array_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1.npy").write_bytes(content)
    with pytest.raises(UnreadableError, match=r"1\.npy"):
        read_array(tmp_path / "1.npy")


def test_an_array_beyond_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dump, "MAX_ARRAY_BYTES", 100)
    numpy.save(tmp_path / "1.npy", numpy.zeros(100))
    with pytest.raises(UnreadableError, match="larger"):
        read_array(tmp_path / "1.npy")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap, path = tmp_path / "trap", tmp_path / "1.npy"
    numpy.save(path, numpy.array([Touch(trap)], dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableError):
        read_array(path)
    path.write_bytes(pickle.dumps(Touch(trap)))
    with pytest.raises(UnreadableError):
        read_array(path)
    assert not trap.exists()


def test_every_byte_of_a_header_may_be_forged(tmp_path: Path) -> None:
    path, whole = tmp_path / "1.npy", npy(floats([1.0, 2.0]))
    for place in range(len(whole) - 8):
        for byte in (0, 0x28, 0x39, 0x7F, 0xFF):
            forged = bytearray(whole)
            forged[place] = byte
            path.write_bytes(forged)
            try:
                read_array(path)
            except UnreadableError:
                continue


@pytest.mark.parametrize("shape", [[3], [2, 1], [10**30], [10**19] * 64, [0]])
def test_a_shape_that_is_not_the_files_is_refused(tmp_path: Path, shape: list[int]) -> None:
    numpy.save(tmp_path / "1.npy", floats([1.0, 2.0]))
    with pytest.raises(UnreadableError):
        read(index(tmp_path, entry(shape=shape))).array(KEY)


@pytest.mark.parametrize(
    "key",
    [("weight", "a/kernel", "start"), ("output", "a", "training"), ("batch", "0", "first")],
)
@pytest.mark.parametrize("sides", [("one",), ("one", "two")])
def test_no_forged_shape_stops_the_comparison_otherwise(
    tmp_path: Path, key: tuple[str, str, str], sides: tuple[str, ...]
) -> None:
    for side in ("one", "two"):
        writer = CaptureWriter(tmp_path / side).model(chain("a", a={"weights": ["a/kernel"]}))
        writer.array("gradient", "a/kernel", "training", floats([1.0, 2.0]))
        writer.array("output", "a", "training", floats([1.0, 2.0]))
        if side in sides:
            numpy.save(tmp_path / side / "9.npy", floats([1.0, 2.0]))
            what, name, when = key
            forged = {"file": "9.npy", "shape": [10**19] * 64, "dtype": "float32"}
            writer.dump.entry("array", what=what, name=name, when=when, **forged)
    try:
        measure(read(tmp_path / "one"), read(tmp_path / "two"), Allowance())
    except UnreadableError:
        return
