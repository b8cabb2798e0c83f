import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.records.events import SourceLine
from keras_matrix.records.observation import MAX_LINE_BYTES, Observation, parse
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from tests.unit.records.builders import END, ENVIRONMENT

START = {"event": "start", "protocol": 1}
CALL = {
    "event": "call_start",
    "id": 1,
    "kind": "fit",
    "name": "fit",
    "model": "sequential_1",
    "site": "model.py:7",
}
EPOCH = {"event": "epoch", "id": 1, "epoch": 0, "seconds": 1.5, "metrics": {"loss": 0.5}}
BATCHES: dict[str, Any] = {
    "event": "batches",
    "id": 1,
    "calls": 7,
    "seconds": 1.5,
    "metrics": {"loss": 0.5},
}
CALL_END: dict[str, Any] = {
    "event": "call_end",
    "id": 1,
    "seconds": 2.5,
    "cpu_seconds": 2.0,
    "metrics": {"loss": 0.5},
    "params": {"epochs": 1},
    "arrays": [],
}
ARRAY: dict[str, Any] = {
    "name": "predict.0",
    "shape": [2, 3],
    "dtype": "float32",
    "mean": 0.5,
    "std": 0.1,
    "not_finite": 0,
    "file": "arrays/predict.0.npz",
}
LAST = {"event": "end", **END}


def line(event: object) -> bytes:
    return json.dumps(event).encode() + b"\n"


def stream(*events: object) -> bytes:
    return b"".join(event if isinstance(event, bytes) else line(event) for event in events)


def parsed(*events: object) -> Observation:
    return parse(stream(*events), complete=True)


def test_a_good_stream() -> None:
    model = {
        "event": "model",
        "name": "sequential_1",
        "kind": "Sequential",
        "layers": [
            {"name": "dense", "kind": "Dense", "output_shape": "(None, 1)", "parameters": 3}
        ],
        "parameters": 3,
        "optimizer": "SGD",
        "loss": "mse",
    }
    found = parsed(
        START,
        {"event": "environment", **ENVIRONMENT},
        model,
        CALL,
        {"event": "first_batch", "id": 1, "seconds": 0.5},
        EPOCH,
        {**EPOCH, "epoch": 1, "metrics": {"loss": 0.25}},
        CALL_END,
        LAST,
    )
    assert found.environment is not None
    assert found.environment.backend == "tensorflow"
    assert [one.kind for one in found.models] == ["Sequential"]
    (call,) = found.calls
    assert (call.name, call.site, call.finished) == ("fit", "model.py:7", True)
    assert call.first_batch_seconds == 0.5
    assert [epoch.metrics["loss"] for epoch in call.epochs] == [0.5, 0.25]
    assert call.params == {"epochs": 1}
    assert found.end is not None
    assert found.end.status == "ok"


def test_a_loop_that_was_cut_off_keeps_its_last_report() -> None:
    later = {**BATCHES, "calls": 9, "seconds": 2.5, "metrics": {"loss": "nan"}}
    (call,) = parse(stream(START, CALL, BATCHES, later), complete=False).calls
    assert not call.finished
    assert (call.params, call.seconds, call.metrics) == ({"calls": 9}, 2.5, {"loss": "nan"})


def test_a_fit_that_was_cut_off_keeps_the_parameters_it_began_with() -> None:
    begin = {"event": "train_begin", "id": 1, "params": {"epochs": 20, "samples": 64}}
    (call,) = parse(stream(START, CALL, begin), complete=False).calls
    assert (call.finished, call.params) == (False, {"epochs": 20, "samples": 64})
    with pytest.raises(UnreadableError, match="call 1 is not under way"):
        parsed(START, begin, LAST)


def test_what_is_compiled_outside_of_calls_is_no_part_of_them() -> None:
    found = parsed(START, {"event": "compiled", "modules": 3}, CALL, CALL_END, LAST)
    assert [call.compiled for call in found.calls] == [0]


def test_the_end_of_a_loop_outranks_its_reports() -> None:
    (call,) = parsed(START, CALL, BATCHES, CALL_END).calls
    assert (call.params, call.seconds) == ({"epochs": 1}, 2.5)


def test_a_failure_may_have_a_deeper_place_and_a_hint() -> None:
    error = {"kind": "E", "message": "", "traceback": "", "file": "model.py", "line": 1}
    more = {"deepest": {"file": "plots.py", "line": None}, "hint": "so"}
    for given, deepest, hint in (
        (error, None, ""),
        (error | more, SourceLine("plots.py", None), "so"),
    ):
        end = parsed(START, {**LAST, "error": given}).end
        assert end is not None
        assert end.error is not None
        assert (end.error.deepest, end.error.hint) == (deepest, hint)


def test_notes_are_kept_in_order() -> None:
    notes = [{"event": "note", "text": text} for text in ("one", "two")]
    assert parsed(START, *notes).notes == ["one", "two"]


def test_calls_on_several_threads_may_overlap() -> None:
    second = {**CALL, "id": 2, "name": "fit#2"}
    found = parsed(START, CALL, second, {**EPOCH, "id": 2}, CALL_END, {**CALL_END, "id": 2})
    assert [(call.name, len(call.epochs)) for call in found.calls] == [("fit", 0), ("fit#2", 1)]


def test_what_is_not_finite_is_words() -> None:
    words = {"a": "nan", "b": "inf", "c": "-inf", "d": 1.0}
    (call,) = parsed(START, CALL, {**CALL_END, "metrics": words}).calls
    assert call.metrics == words


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1.0", "", "nan\n", "nan0", None, [1], True])
def test_other_words_are_no_numbers(value: object) -> None:
    with pytest.raises(UnreadableError, match="line 3"):
        parsed(START, CALL, {**CALL_END, "metrics": {"loss": value}})


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_numbers_that_json_has_not_are_refused(literal: bytes) -> None:
    damaged = line(EPOCH).replace(b"1.5", literal)
    assert literal in damaged
    with pytest.raises(UnreadableError, match="line 3"):
        parsed(START, CALL, damaged)


@pytest.mark.parametrize(
    "damage",
    [
        b"\n",
        b"not json\n",
        b'{"event": "epoch"\n',
        b"[]\n",
        b"1\n",
        b"null\n",
        b"\x00\x00\x00\n",
        b"\xff\xfe\n",
        b'{"event": "\xff"}\n',
        line(EPOCH).replace(b"loss", b"\xff\xfe\xfd\xfc"),
        line(EPOCH).replace(b"loss", b"\\ud800"),
        b"[" * 100_000 + b"\n",
        b'{"event": "epoch", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        {"event": "no such event"},
        {"no": "event"},
        {**EPOCH, "id": "1"},
        {**EPOCH, "id": -1},
        {**EPOCH, "id": 1.5},
        {**EPOCH, "seconds": None},
        {**EPOCH, "metrics": [1]},
        {**EPOCH, "metrics": {"m" * 5000: 1.0}},
        {**EPOCH, "metrics": {f"m{index}": 1.0 for index in range(1001)}},
        {key: value for key, value in EPOCH.items() if key != "metrics"},
        {**EPOCH, "id": 2},
        {**CALL_END, "id": 2},
        {"event": "first_batch", "id": 2, "seconds": 1.0},
        {**BATCHES, "id": 2},
        {**BATCHES, "calls": -1},
        {**BATCHES, "calls": 1.5},
        {**BATCHES, "seconds": "nan"},
        {**BATCHES, "metrics": {f"m{index}": 1.0 for index in range(1001)}},
        {key: value for key, value in BATCHES.items() if key != "calls"},
        CALL,
        START,
    ],
)
def test_a_damaged_line_is_named(damage: object) -> None:
    with pytest.raises(UnreadableError, match="line 3"):
        parsed(START, CALL, damage)


@pytest.mark.parametrize(
    "event", [EPOCH, BATCHES, CALL_END, {"event": "first_batch", "id": 1, "seconds": 1}]
)
def test_nothing_happens_in_a_call_that_has_ended(event: object) -> None:
    with pytest.raises(UnreadableError, match="line 4"):
        parsed(START, CALL, CALL_END, event)


@pytest.mark.parametrize("event", [START, CALL, LAST, {"event": "environment", **ENVIRONMENT}])
def test_nothing_comes_after_the_end(event: object) -> None:
    with pytest.raises(UnreadableError, match="line 3"):
        parsed(START, LAST, event)


def test_the_start_comes_first() -> None:
    with pytest.raises(UnreadableError, match="line 1"):
        parsed(LAST)


@pytest.mark.parametrize("protocol", [0, 2])
def test_another_protocol_is_refused(protocol: int) -> None:
    with pytest.raises(UnreadableError, match="protocol"):
        parsed({**START, "protocol": protocol})


@pytest.mark.parametrize(
    "file",
    [
        "/etc/passwd",
        "arrays/../../x",
        "arrays/a/b",
        "arrays/..",
        "arrays/.",
        "arrays/",
        "other/a",
        "arrays/a\n",
        "arrays/" + "a" * 200,
    ],
)
def test_an_array_lies_in_the_arrays_folder(file: str) -> None:
    with pytest.raises(UnreadableError, match="line 3"):
        parsed(START, CALL, {**CALL_END, "arrays": [{**ARRAY, "file": file}]})


def test_an_array() -> None:
    (call,) = parsed(START, CALL, {**CALL_END, "arrays": [ARRAY]}).calls
    assert (call.arrays[0].file, call.arrays[0].shape) == ("arrays/predict.0.npz", [2, 3])


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(UnreadableError, match="line 2 is longer"):
        parsed(START, b" " * (MAX_LINE_BYTES + 1) + b"\n")


def test_a_cut_line_is_damage_in_a_complete_stream_only() -> None:
    cut = stream(START, CALL, EPOCH) + line(CALL_END)[:-20]
    with pytest.raises(UnreadableError, match="last line"):
        parse(cut, complete=True)
    (call,) = parse(cut, complete=False).calls
    assert not call.finished
    assert [epoch.metrics["loss"] for epoch in call.epochs] == [0.5]


def test_damage_before_the_cut_is_damage_all_the_same() -> None:
    with pytest.raises(UnreadableError, match="line 2"):
        parse(stream(START, b"junk\n") + b"cut", complete=False)


@pytest.mark.parametrize("complete", [True, False])
def test_nothing_was_written(complete: bool) -> None:
    assert parse(b"", complete=complete) == Observation()


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(UnreadableError, match="larger than 4 bytes"):
        read_bounded(path, 4)


def test_a_huge_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UnreadableError, match="larger"):
        read_bounded(path, 1000)


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "link", "dangling"])
def test_what_is_not_a_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "events.jsonl"
    (tmp_path / "secret").write_text("secret")
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "secret")
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnreadableError, match=r"events\.jsonl"):
        read_bounded(path, 1000)
