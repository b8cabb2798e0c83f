import json
import math
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.records.observation import parse
from keras_matrix_probe.events import EventStream, plain
from tests.unit.records.builders import END


def refuse(word: str) -> None:
    raise AssertionError(f"not JSON: {word}")


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("text", "text"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (numpy.float32(0.5), 0.5),
        (numpy.float64("nan"), "nan"),
        (numpy.float16("-inf"), "-inf"),
        (numpy.int64(7), 7),
        (numpy.bool_(True), True),
        (numpy.array(0.5), 0.5),
        (numpy.array([[2]]), 2),
        ((1, [2.0, math.nan]), [1, [2.0, "nan"]]),
        (OrderedDict([(1, numpy.float32(2)), ("b", (None,))]), {"1": 2.0, "b": [None]}),
        (Odd(), "odd"),
        ({"deep": [{"deeper": math.inf}]}, {"deep": [{"deeper": "inf"}]}),
    ],
)
def test_values_become_what_json_can_hold(value: Any, expected: Any) -> None:
    converted = plain(value)
    assert converted == expected
    assert json.loads(json.dumps(converted, allow_nan=False), parse_constant=refuse) == expected


def test_an_array_of_several_is_no_number() -> None:
    assert plain(numpy.array([1, 2])) == "[1 2]"


def test_a_stream_is_there_line_by_line(tmp_path: Path) -> None:
    stream = EventStream(str(tmp_path))
    stream.emit("start", protocol=1)
    # Nothing was closed: a killed process keeps its past.
    assert parse((tmp_path / "events.jsonl").read_bytes(), complete=True).end is None
    stream.emit("end", **END)
    observation = parse((tmp_path / "events.jsonl").read_bytes(), complete=True)
    assert observation.end is not None
    stream._file.close()


def test_lines_of_several_threads_stay_whole(tmp_path: Path) -> None:
    stream = EventStream(str(tmp_path))
    text = "x" * 10_000

    def work(number: int) -> None:
        for _ in range(20):
            stream.emit("event", number=number, text=text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream._file.close()
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert len(lines) == 80
    assert {json.loads(line)["number"] for line in lines} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "text", ["two\nlines", "\u2028", "\x1b[31m", "ünï 数 🎉", "\udcff", '"}\n{"event": "end"}']
)
def test_any_text_is_one_line_that_the_host_reads(tmp_path: Path, text: str) -> None:
    stream = EventStream(str(tmp_path))
    stream.emit("start", protocol=1)
    error = {"kind": "E", "message": text, "traceback": "", "file": None, "line": None}
    stream.emit("end", **{**END, "error": error})
    stream._file.close()
    content = (tmp_path / "events.jsonl").read_bytes()
    assert content.count(b"\n") == 2
    end = parse(content, complete=True).end
    assert end is not None
    assert end.error is not None
    if "\udcff" not in text:
        assert end.error.message == text
