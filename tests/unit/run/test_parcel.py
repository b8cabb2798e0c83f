"""What an attempt made is checked and written by the side that holds the run's folder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keras_matrix.errors import StoreError
from keras_matrix.plan.cells import Cell, Limits
from keras_matrix.plan.contract import COMPILED_FOLDER, TRACE_FOLDER
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.record import Record
from keras_matrix.run.cell.compiled_code import CompiledCode, CompiledFor, CompiledStore
from keras_matrix.run.parcel import Parcel, RunRecipient
from tests.unit.records.builders import manifest, plan, record
from tests.unit.run.builders import CELL, recipient

PLAN = plan([CELL])
COMPILED_FOR = CompiledFor("theano", "sha256:1", "a processor", "model.py", "2")


class Bench:
    """A run's folder, and a parcel on its way there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = RunFolder(folder / "results" / "run")
        self.run.open(manifest([CELL]), {})
        self.output = folder / "collected" / "cell"
        self.output.mkdir(parents=True)
        self.noted: list[Record] = []

    def recipient(self, **changed: Any) -> RunRecipient:
        return recipient(self.folder, PLAN, **changed)

    def parcel(self, **changed: Any) -> Parcel:
        made = replace(record(CELL), run="run", terms=PLAN.terms)
        return replace(Parcel(record=made, log=b"printed", folder=self.output), **changed)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_parcel_is_written_and_its_files_are_gone(bench: Bench) -> None:
    written = bench.recipient().receive(bench.parcel())
    assert bench.run.record(CELL) == written
    assert set(written.kept) == {f"logs/{CELL.id}.log"}
    assert bench.run.log_path(CELL).read_bytes() == b"printed"
    assert not bench.output.exists()


def test_without_files_the_record_alone_is_written(bench: Bench) -> None:
    written = bench.recipient().receive(bench.parcel(log=None, folder=None))
    assert written.kept == {}
    assert not bench.run.log_path(CELL).exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"run": "another"},
        {"cell": Cell("tf", seed=99)},
        {"script_sha256": "another"},
        {"arguments": ("--another",)},
        {"terms": replace(PLAN.terms, limits=Limits(memory=1))},
    ],
)
def test_a_parcel_of_another_run_is_refused(bench: Bench, changed: dict[str, Any]) -> None:
    parcel = bench.parcel()
    with pytest.raises(StoreError, match="is of another run, script or limits"):
        bench.recipient().receive(replace(parcel, record=replace(parcel.record, **changed)))
    assert bench.run.record(CELL) is None
    assert not bench.output.exists()


def test_dumps_of_a_trace_take_the_place_of_earlier_ones(bench: Bench) -> None:
    dumps = bench.folder / "dumps"
    (dumps / CELL.id).mkdir(parents=True)
    (dumps / CELL.id / "earlier").touch()
    (bench.output / TRACE_FOLDER).mkdir()
    (bench.output / TRACE_FOLDER / "index.jsonl").touch()
    bench.recipient(dumps=dumps).receive(bench.parcel())
    assert [path.name for path in (dumps / CELL.id).iterdir()] == ["index.jsonl"]


def test_a_link_in_place_of_the_dumps_is_not_followed(bench: Bench) -> None:
    dumps = bench.folder / "dumps"
    (bench.output / TRACE_FOLDER).symlink_to(bench.folder)
    bench.recipient(dumps=dumps).receive(bench.parcel())
    assert not (dumps / CELL.id).exists()


def test_compiled_code_is_kept_only_if_the_parcel_says_so(bench: Bench) -> None:
    store = CompiledStore(bench.folder / "compiled")
    for compiled in (None, CompiledCode(COMPILED_FOR)):
        entry = bench.output / COMPILED_FOLDER / "entry"
        entry.mkdir(parents=True)
        (entry / "code.so").write_bytes(b"code")
        bench.recipient().receive(bench.parcel(compiled=compiled))
        assert store.has(COMPILED_FOR) == (compiled is not None)


def test_a_disk_that_is_full_leaves_no_files_of_the_parcel(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: RunFolder, record: Record) -> None:
        raise StoreError("The disk is full.")

    monkeypatch.setattr(RunFolder, "write", full)
    with pytest.raises(StoreError):
        bench.recipient().receive(bench.parcel())
    assert not bench.output.exists()
