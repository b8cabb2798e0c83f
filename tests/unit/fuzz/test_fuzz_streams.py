"""What a container wrote, and any bytes instead of it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_matrix.records import events as stream
from keras_matrix.trace import dump
from tests.unit.fuzz import targets as fuzz_targets
from tests.unit.fuzz.strategies import damaged, encoded, json_of, lines

START = b'{"event":"start","protocol":1}'
FEW = st.sampled_from([0, 1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def _few_ids(plain: Any) -> Any:
    """Let events be of few calls and tests, so that some follow one another."""
    if isinstance(plain, dict):
        if isinstance(plain.get("id"), int):
            plain["id"] %= 2
        if plain.get("event") in ("case_start", "case_end"):
            plain["test"] = plain["test"][:1]
    return plain


events = json_of(stream.Event).map(_few_ids).map(encoded)
streams = st.lists(events, max_size=10).map(lambda found: b"\n".join([START, *found, b""]))


@given(streams)
def test_any_events(content: bytes) -> None:
    fuzz_targets.event_stream(content)


@given(damaged(streams) | st.binary())
def test_any_stream(content: bytes) -> None:
    fuzz_targets.event_stream(content)


index = lines(dump.Entry).map(lambda found: b"\n".join([*found, b""]))


@given(index | damaged(index) | st.binary())
def test_any_index_of_a_trace(folder: Path, content: bytes) -> None:
    fuzz_targets.trace_index(content, folder)


step = st.tuples(st.sampled_from([b"a", b"m", b"r", b"t", b"d", b"l"]), st.binary(max_size=30))


@given(st.lists(step.map(b"".join), max_size=8).map(b"\xff".join))
def test_any_change_of_a_file_that_is_followed(folder: Path, content: bytes) -> None:
    fuzz_targets.tail(content, folder)
