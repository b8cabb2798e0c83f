"""No flipped bit in a manifest, a record, an array or a log goes unnoticed."""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy
import pytest

from keras_matrix.compare import assess
from keras_matrix.errors import DamagedError, StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records import arrays, checksum
from keras_matrix.records.folder import RunFolder
from keras_matrix.records.recorded import read
from keras_matrix.records.untrusted import UnreadableError
from tests.unit.records.builders import array, call, record, run_folder, tf_and_theano

TF = Cell("tf")


def flipped(content: bytes, place: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def paths_of(folder: RunFolder) -> dict[str, Path]:
    return {"record": folder.record_path(TF), "manifest": folder.path / "manifest.json"}


@pytest.mark.parametrize("what", ["record", "manifest"])
def test_every_flipped_bit_is_noticed(tmp_path: Path, what: str) -> None:
    folder = tf_and_theano(tmp_path / "run")
    content = paths_of(folder)[what].read_bytes()
    member = content.index(b'"sha256"') + 1
    unseen = [
        place
        for place in range(len(content))
        # A member of another name is no checksum; nothing else is changed then.
        if not member <= place < member + len("sha256")
        for bit in range(8)
        if checksum.is_whole(damaged := flipped(content, place, bit)) and is_json(damaged)
    ]
    assert unseen == []


def is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("what", ["record", "manifest"])
def test_a_digit_that_is_another_is_reported(tmp_path: Path, what: str) -> None:
    folder = tf_and_theano(tmp_path / "run")
    path = paths_of(folder)[what]
    path.write_bytes(path.read_bytes().replace(b'"repeat": 0', b'"repeat": 1', 1))
    with pytest.raises(StoreError, match=re.escape(str(path))) as raised:
        folder.records()
    assert "does not match its checksum" in str(raised.value)
    assert "--resume" in str(raised.value)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("what", ["record", "manifest"])
def test_a_file_is_plain_json_and_its_checksum_can_be_computed_by_hand(
    tmp_path: Path, what: str
) -> None:
    content = paths_of(tf_and_theano(tmp_path / "run"))[what].read_bytes()
    stored = json.loads(content)["sha256"]
    blanked = content.replace(stored.encode(), b"", 1)
    assert hashlib.sha256(blanked).hexdigest() == stored


@pytest.mark.parametrize("what", ["record", "manifest"])
def test_a_file_of_an_earlier_version_is_read(tmp_path: Path, what: str) -> None:
    folder = tf_and_theano(tmp_path / "run")
    before = folder.records()
    path = paths_of(folder)[what]
    path.write_bytes(re.sub(rb'\s*"sha256": "[0-9a-f]*",', b"", path.read_bytes(), count=1))
    assert "sha256" not in json.loads(path.read_bytes())
    assert folder.records() == before


def npz() -> bytes:
    file = io.BytesIO()
    numpy.savez_compressed(file, array=numpy.linspace(0, 1, 50, dtype="float32"))
    return file.getvalue()


def test_an_array_that_is_read_in_spite_of_a_flipped_bit_is_the_same(tmp_path: Path) -> None:
    """What the container of arrays tells by itself: the checksum of their numbers."""
    content = npz()
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    whole = arrays.read(path)
    for place in range(len(content)):
        path.write_bytes(flipped(content, place, place % 8))
        try:
            found = arrays.read(path)
        except UnreadableError:
            continue
        assert (found == whole).all()


def with_arrays(path: Path) -> RunFolder:
    name = "1-predict.0.npz"
    folder = RunFolder(path)
    kept = {}
    found = []
    run_folder(path, [], cells=[TF, Cell("theano")])
    for cell in (TF, Cell("theano")):
        kept = folder.keep(folder.arrays_path(cell) / name, npz())
        kept |= folder.keep(folder.log_path(cell), b"printed")
        one = record(cell, call("predict", arrays=[array(file=f"arrays/{name}")]), kept=kept)
        folder.write(one)
        found.append(one)
    assert folder.records() == tuple(found)
    return folder


def test_a_flipped_bit_in_an_array_is_reported_by_a_comparison(tmp_path: Path) -> None:
    folder = with_arrays(tmp_path / "run")
    assert not assess.compare_run(read(folder)).differs
    path = folder.arrays_path(Cell("theano")) / "1-predict.0.npz"
    path.write_bytes(flipped(npz(), 100, 3))
    with pytest.raises(DamagedError, match=re.escape(str(path))) as raised:
        assess.compare_run(read(folder))
    assert "--resume" in str(raised.value)


def test_without_its_arrays_a_run_is_compared_by_their_means(tmp_path: Path) -> None:
    folder = with_arrays(tmp_path / "run")
    (folder.arrays_path(TF) / "1-predict.0.npz").unlink()
    (row,) = (row for row in assess.compare_run(read(folder)).rows if row.metric == "predict.0")
    assert not row.elementwise


@pytest.mark.parametrize("what", ["log", "array"])
@pytest.mark.parametrize("how", ["flipped", "gone", "a folder"])
def test_files_of_a_cell_are_compared_with_its_record(tmp_path: Path, what: str, how: str) -> None:
    folder = with_arrays(tmp_path / "run")
    path = folder.log_path(TF) if what == "log" else folder.arrays_path(TF) / "1-predict.0.npz"
    found = folder.record(TF)
    assert found is not None
    folder.verify(found)
    content = path.read_bytes()
    path.unlink()
    if how == "flipped":
        path.write_bytes(flipped(content, 3, 0))
    elif how == "a folder":
        path.mkdir()
    with pytest.raises(DamagedError, match=re.escape(str(path))):
        folder.verify(found)


def test_a_record_without_checksums_is_of_an_earlier_version(tmp_path: Path) -> None:
    folder = tf_and_theano(tmp_path / "run")
    found = folder.record(TF)
    assert found is not None
    assert found.kept == {}
    folder.verify(found)
