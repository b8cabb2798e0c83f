"""A history that holds what no version writes, or is no database at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_matrix.history.database import History
from tests.unit.fuzz import targets as fuzz_targets
from tests.unit.fuzz.strategies import NASTY, damaged
from tests.unit.history.builders import summary


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a history of two runs."""
    path = tmp_path_factory.mktemp("fuzz") / "whole"
    with History(path, write=True) as history:
        for name in ("a-run", "b-run"):
            history.add(summary(name))
    return path


def _columns() -> list[tuple[str, str]]:
    from keras_matrix.history.schema import metadata

    return [(table.name, column.name) for table in metadata.sorted_tables for column in table.c]


values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from([text for text in NASTY if len(text) < 99]),
    st.sampled_from(["2026-01-01", "0001-01-01T00:00:00+23:59", "[" * 3000, "{}", "null", "[1]"]),
    st.binary(max_size=3),
)


@given(st.sampled_from(_columns()), values)
def test_any_value_in_any_column(whole: Path, place: tuple[str, str], value: object) -> None:
    table, column = place
    changed = whole.with_name("changed")
    changed.write_bytes(whole.read_bytes())
    with closing(sqlite3.connect(changed)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        try:
            connection.execute(f'UPDATE "{table}" SET "{column}" = ?', (value,))  # noqa: S608
            connection.commit()
        except sqlite3.IntegrityError:
            return
    fuzz_targets.history_file(changed.read_bytes(), whole.parent)


@given(st.data())
def test_any_file(whole: Path, data: st.DataObject) -> None:
    content = data.draw(damaged(st.just(whole.read_bytes())) | st.binary())
    fuzz_targets.history_file(content, whole.parent)
