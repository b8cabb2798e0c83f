"""The history's file."""

import contextlib
import math
import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import platformdirs
import pytest

from keras_matrix.compare.comparison import Verdict
from keras_matrix.compare.matrix import Status
from keras_matrix.errors import HistoryError, NothingSelectedError
from keras_matrix.history import database, schema
from keras_matrix.history.database import History
from keras_matrix.history.summary import RunSummary
from keras_matrix.plan.tolerance import MetricKind
from keras_matrix.records.record import Outcome
from tests.unit.history import builders as history_builders
from tests.unit.history.builders import image, metric, summary, when


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    history_builders.hasty(monkeypatch)


def add(path: Path, *runs: RunSummary) -> None:
    with History(path, write=True) as history:
        for run in runs:
            history.add(run)


def read(path: Path, model: str | None = None, run: str | None = None) -> tuple[RunSummary, ...]:
    with History(path) as history:
        return history.runs(model=model, run=run)


@contextlib.contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


FULL = summary(
    "full",
    2,
    commit="c" * 40,
    arguments=("--epochs", "2", "a b"),
    seeds=3,
    repeats=2,
    status=Status.FAILED,
    images=(
        image("tf", outcomes={Outcome.OK: 2, Outcome.TIMEOUT: 1}),
        image("theano", status=Status.FAILED, outcomes={}, setting="float64"),
    ),
    metrics=(
        metric("tf", 0.5, n=3, low=0.25, high=0.75),
        metric("tf", 1.5, "fit.seconds", kind=MetricKind.TIME),
        metric("theano", 0.25, verdict=Verdict.DIFFER, absolute=0.25, relative=0.5),
    ),
)


def test_a_run_comes_back_as_it_was(path: Path) -> None:
    add(path, FULL)
    assert read(path) == (FULL,)


def test_what_is_not_finite_comes_back(path: Path) -> None:
    inf, nan = math.inf, math.nan
    add(path, summary(metrics=(metric("tf", nan, low=-inf, high=inf), metric("theano", inf))))
    lost, endless = read(path)[0].metrics
    assert math.isnan(lost.median)
    assert (lost.low, lost.high, endless.median) == (-inf, inf, inf)


def test_text_from_outside_is_text(path: Path) -> None:
    hostile = "x'); DROP TABLE runs;--\x1b[2J\u202e\U0001f4a5"
    run = summary(hostile, model=hostile, metrics=(metric("tf", 1.0, hostile),))
    add(path, run)
    assert read(path, model=hostile) == (run,)
    assert read(path, run=hostile) == (run,)


def test_the_same_run_again_replaces_it(path: Path) -> None:
    first = summary("a", 1, metrics=(metric("tf", 0.5), metric("theano", 0.5)))
    again = replace(first, folder="/elsewhere", status=Status.DIFFER, metrics=(metric("tf", 0.7),))
    add(path, first, summary("b", 1), again)
    # In its old place among those of the same second.
    assert read(path) == (again, summary("b", 1))
    with raw(path) as connection:
        assert connection.execute("SELECT count(*) FROM metrics").fetchone() == (3,)


@pytest.mark.parametrize(
    "other",
    [summary("b"), summary(created=when(2)), summary(script_sha256="1" * 64)],
    ids=["name", "date", "script"],
)
def test_another_run_does_not_replace_it(path: Path, other: RunSummary) -> None:
    add(path, summary(), other)
    assert read(path) == (summary(), other)


def test_runs_are_in_the_order_of_time(path: Path) -> None:
    add(path, summary("c", 3), summary("a", 1), summary("b", 2))
    assert [run.run for run in read(path)] == ["a", "b", "c"]


def test_runs_of_a_model_and_of_a_name(path: Path) -> None:
    add(path, summary("a", 1), summary("b", 2, model="conv"), summary("b", 3))
    assert [run.run for run in read(path, model="mlp")] == ["a", "b"]
    assert [run.model for run in read(path, run="b")] == ["conv", "mlp"]
    assert read(path, model="lstm") == ()


def test_scripts_are_counted(path: Path) -> None:
    add(
        path,
        summary("a", 1),
        summary("b", 3, status=Status.DIFFER),
        summary("c", 2, place="other/mlp/model.py"),
        summary("d", 4, model="conv"),
    )
    with History(path) as history:
        found = history.scripts()
    assert [(one.model, one.place, one.runs) for one in found] == [
        ("conv", "models/mlp/model.py", 1),
        ("mlp", "models/mlp/model.py", 2),
        ("mlp", "other/mlp/model.py", 1),
    ]
    assert (found[1].first, found[1].last) == (when(1), when(3))
    assert (found[1].run, found[1].status) == ("b", Status.DIFFER)


def test_more_runs_than_a_statement_may_name(path: Path) -> None:
    with History(path, write=True) as history, history._transaction() as connection:
        row = {
            key: ""
            for key in schema.runs.c.keys()  # noqa: SIM118 - a collection of columns, no mapping
            if key != "id"
        }
        rows = [
            {
                **row,
                "run": f"r{n}",
                "created": when(1).isoformat(),
                "status": "agree",
                "arguments": "[]",
                "seeds": 0,
                "repeats": 1,
                "model": "mlp",
            }
            for n in range(1100)
        ]
        connection.execute(schema.runs.insert(), rows)
    assert len(read(path, model="mlp")) == 1100


# Where it is


def test_the_file_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(database.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert database.location() == platformdirs.user_data_path("keras-matrix") / "history.sqlite"
    assert database.location().is_relative_to(tmp_path / "data")
    # What is lost there cannot be made again, as what is in the cache can.
    assert "cache" not in str(database.location().relative_to(tmp_path))


def test_the_environment_and_an_option_name_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(database.VARIABLE, str(tmp_path / "named.sqlite"))
    assert database.location() == tmp_path / "named.sqlite"
    assert database.location(tmp_path / "other.sqlite") == tmp_path / "other.sqlite"


def test_its_path_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20d é" / "history.sqlite"
    add(path, summary())
    assert read(path) == (summary(),)
    assert path.exists()


# What can be wrong with it


def test_no_history_yet(path: Path) -> None:
    with pytest.raises(NothingSelectedError, match=r"no history .* yet.*history --add RUN"):
        History(path)
    assert not path.exists()


def test_an_empty_file(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with pytest.raises(NothingSelectedError, match="is empty"):
        History(path)
    add(path, summary())
    assert read(path) == (summary(),)


def test_a_file_that_is_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    for write in (False, True):
        with pytest.raises(HistoryError, match=r"not a database.*move it away.*--add RUN"):
            History(path, write=write)


def test_a_page_that_is_damaged(path: Path) -> None:
    many = tuple(metric("tf", 0.5, f"evaluate.metric_{n}") for n in range(200))
    add(path, summary(metrics=many))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(HistoryError, match=r"malformed.*move it away"):
        read(path)


def test_a_value_that_no_version_writes(path: Path) -> None:
    add(path, summary())
    with raw(path) as connection:
        connection.execute("UPDATE runs SET status = 'splendid'")
    with pytest.raises(HistoryError, match="splendid"):
        read(path)


def test_the_database_of_another_program(path: Path) -> None:
    path.parent.mkdir()
    with raw(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    for write in (False, True):
        with pytest.raises(HistoryError, match="another program"):
            History(path, write=write)
    with raw(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("bookmarks",)]


def test_a_newer_schema(path: Path) -> None:
    add(path, summary())
    with raw(path) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    for write in (False, True):
        with pytest.raises(HistoryError, match=r"has schema 2; .* reads 1: use the one that wrote"):
            History(path, write=write)


def test_another_process_that_writes_is_waited_for_and_then_reported(path: Path) -> None:
    add(path, summary())
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryError, match=r"locked.*another process has locked it"):
            add(path, summary("b"))
        # Meanwhile it can be read.
        assert read(path) == (summary(),)
        other.execute("ROLLBACK")
    add(path, summary("b"))


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    for write, verb in ((False, "read"), (True, "write")):
        with pytest.raises(HistoryError, match=f"Cannot {verb} the history .*check its perm"):
            History(tmp_path, write=write)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryError, match="--history"):
        History(tmp_path / "file" / "history.sqlite", write=True)
    with pytest.raises(HistoryError, match="Cannot read the history"):
        History(tmp_path / "file" / "history.sqlite")


def test_a_disk_that_is_full_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(path, summary())
    connect = History._connect

    def small(history: History) -> sqlite3.Connection:
        connection = connect(history)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    monkeypatch.setattr(History, "_connect", small)
    many = tuple(metric("tf", 0.5, f"evaluate.metric_{n}") for n in range(2000))
    with pytest.raises(HistoryError, match=r"full.*disk's space"):
        add(path, summary(metrics=many), summary("b", metrics=many))
    assert read(path) == (summary(),)


def test_reading_writes_nothing(path: Path) -> None:
    add(path, summary())
    before = path.read_bytes()
    assert read(path) == (summary(),)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


# Several at a time


def _add_many(path: Path, name: str, count: int) -> None:
    for number in range(count):
        add(path, summary(f"{name}-{number}"))


def test_processes_that_write_at_the_same_time_lose_nothing(path: Path) -> None:
    count = 5
    # They also race to make the file.
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_add_many, path, name, count) for name in ("a", "b")]:
            done.result()
    assert {run.run for run in read(path)} == {
        f"{name}-{number}" for name in ("a", "b") for number in range(count)
    }
    assert all(run.metrics == summary().metrics for run in read(path))
