"""A cell's task is a value that can travel."""

import pickle
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from keras_matrix.load.suites import Suite
from keras_matrix.plan.cells import Cell, Group, Limits
from keras_matrix.run.cell.task import CellTask, Digests
from tests.unit.records.builders import plan
from tests.unit.run.builders import task

TF, THEANO = Group("tf"), Group("theano")


def task_with_all(folder: Path) -> CellTask:
    made = plan([Cell("tf", seed=3), Cell("theano", seed=3)], limits=Limits(memory=2**30))
    return task(
        folder, made=made, data=folder, digests=Digests("1", "2"), requests=folder / "requests"
    )


def test_a_task_travels_and_is_the_same(tmp_path: Path) -> None:
    whole = task_with_all(tmp_path)
    suite = Suite(path=tmp_path, name="tests", content=b"list", code=b"", root=tmp_path)
    for sent in (whole, replace(whole, script=suite)):
        assert pickle.loads(pickle.dumps(sent)) == sent  # noqa: S301 - it is our own


def path_as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{value!r} is not a plain value")


def test_a_task_is_plain_values(tmp_path: Path) -> None:
    """Whatever is alive, an engine or a lock, has no encoding."""
    encoded = msgspec.json.encode(task_with_all(tmp_path), enc_hook=path_as_text)
    assert {"plan", "script", "user", "digests"} <= set(msgspec.json.decode(encoded))


@pytest.mark.parametrize("digests", [Digests("other", "2"), Digests("1", "other"), None])
def test_compiled_code_is_of_all_that_the_script_reads(
    tmp_path: Path, digests: Digests | None
) -> None:
    whole = task_with_all(tmp_path)
    before = whole.compiled_for(THEANO, "a processor")
    after = replace(whole, digests=digests).compiled_for(THEANO, "a processor")
    assert before is not None
    assert after is not None
    assert before.key != after.key
    assert before.key != replace(before, cpu="another").key


def test_a_backend_that_compiles_nothing_has_no_key(tmp_path: Path) -> None:
    assert task(tmp_path).compiled_for(TF, "a processor") is None
