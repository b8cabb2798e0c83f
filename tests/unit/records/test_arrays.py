import io
import math
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest

from keras_matrix.compare.elementwise import difference
from keras_matrix.plan.tolerance import Tolerance
from keras_matrix.records import arrays
from keras_matrix.records.arrays import read
from keras_matrix.records.untrusted import UnreadableError
from tests.unit.records.builders import Touch

RULE = Tolerance("*", atol=0.1)
NAN, INF = math.nan, math.inf


def npz(path: Path, member: bytes, name: str = "array.npy", method: int = 8) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr(name, member)
    return path


def npy(header: str, data: bytes = b"") -> bytes:
    """Return an array file with that header, true or not."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


def claims(shape: str, descr: str = "<f8", data: bytes = b"") -> bytes:
    return npy(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}", data)


@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "int64", "uint8", "bool"])
def test_arrays_are_read_as_float64(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.npz"
    numpy.savez_compressed(path, array=numpy.array([[0, 1], [1, 0]], dtype=kind))
    found = read(path)
    assert found.dtype == numpy.float64
    assert found.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    path = tmp_path / "a.npz"
    objects = numpy.array([Touch(trap)], dtype=object)
    numpy.savez(path, array=objects)
    with pytest.raises(UnreadableError):
        read(path)
    path.write_bytes(pickle.dumps(Touch(trap)))
    with pytest.raises(UnreadableError):
        read(path)
    npz(path, pickle.dumps(Touch(trap)))
    with pytest.raises(UnreadableError):
        read(path)
    assert not trap.exists()


def test_an_archive_that_expands_beyond_bounds_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "MAX_EXPANDED_BYTES", 10_000)
    path = tmp_path / "a.npz"
    numpy.savez_compressed(path, array=numpy.zeros(100))
    assert read(path).size == 100
    numpy.savez_compressed(path, array=numpy.zeros(10_000))
    assert path.stat().st_size < 10_000
    with pytest.raises(UnreadableError, match="expands"):
        read(path)


def test_a_file_beyond_bounds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "MAX_FILE_BYTES", 100)
    path = tmp_path / "a.npz"
    numpy.savez(path, array=numpy.zeros(100))
    with pytest.raises(UnreadableError, match="larger"):
        read(path)


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"not an array",
        b"\x93NUMPY",
        npy(""),
        npy("("),
        npy("(" * 5000),
        npy("-" * 5000 + "1"),
        npy("{}"),
        npy("import os"),
        claims("(2,)"),
        claims("(2,)", data=b"\x00" * 15),
        claims("(-2,)"),
        claims("'ab'"),
        # Nothing of that size is there, and no room for it is made.
        claims("(10000000000000,)"),
        claims("(1000000000000000000,)"),
        claims("(1000000000000000000000000,)"),
        claims("(1,)", descr="|O", data=b"\x00" * 8),
        claims("(1,)", descr="<U2", data=b"a\0\0\0b\0\0\0"),
        claims("(1,)", descr="nonsense", data=b"\x00" * 8),
    ],
)
def test_a_damaged_array_is_refused(tmp_path: Path, member: bytes) -> None:
    with pytest.raises(UnreadableError, match=r"a\.npz"):
        read(npz(tmp_path / "a.npz", member))


def archive() -> bytearray:
    packed = io.BytesIO()
    numpy.savez_compressed(packed, array=numpy.arange(100.0))
    return bytearray(packed.getvalue())


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    whole = archive()
    central = whole.index(b"PK\x01\x02")
    encrypted, unknown, garbled = archive(), archive(), archive()
    encrypted[6] |= 1
    encrypted[central + 8] |= 1
    unknown[8] = unknown[central + 10] = 97
    garbled[60:120] = bytes(60)
    for damaged in (b"", b"junk", whole[:-30], whole[:100], encrypted, unknown, garbled):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableError, match=r"a\.npz"):
            read(path)


def test_another_name_in_the_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        read(npz(tmp_path / "a.npz", claims("()", data=b"\0" * 8), name="other.npy"))


@pytest.mark.parametrize("kind", ["missing", "link", "folder"])
def test_what_is_not_a_file_is_refused(tmp_path: Path, kind: str) -> None:
    numpy.savez(tmp_path / "real.npz", array=numpy.zeros(1))
    path = tmp_path / "a.npz"
    if kind == "link":
        path.symlink_to(tmp_path / "real.npz")
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(UnreadableError):
        read(path)


@pytest.mark.parametrize(
    ("reference", "other", "absolute", "relative", "close"),
    [
        ([1.0, 2.0], [1.0, 2.0], 0.0, 0.0, True),
        ([1.0, 2.0], [1.0, 2.05], 0.05, 0.025, True),
        ([1.0, 2.0], [1.2, 2.0], 0.2, 0.2, False),
        ([1.0, 2.0], [2.0, 2.0], 1.0, 1.0, False),
        ([0.0], [0.05], 0.05, INF, True),
        ([NAN, 1.0], [NAN, 1.0], 0.0, 0.0, True),
        ([INF, -INF], [INF, -INF], 0.0, 0.0, True),
        ([NAN], [1.0], INF, INF, False),
        ([1.0], [NAN], INF, INF, False),
        ([INF], [-INF], INF, INF, False),
        ([INF], [1.0], INF, INF, False),
        ([1.0], [INF], INF, INF, False),
        ([1e308, 1.0], [-1e308, 1.0], INF, INF, False),
        ([], [], 0.0, 0.0, True),
        ([1.0], [1.0, 1.0], INF, INF, False),
        ([[1.0, 1.0]], [[1.0], [1.0]], INF, INF, False),
        ([1.0], 1.0, INF, INF, False),
        ([], [1.0], INF, INF, False),
    ],
)
def test_the_largest_difference(
    reference: Any, other: Any, absolute: float, relative: float, close: bool
) -> None:
    found = difference(numpy.array(reference, "f8"), numpy.array(other, "f8"), RULE)
    assert found.absolute == pytest.approx(absolute)
    assert found.relative == pytest.approx(relative)
    assert found.close is close


def test_the_tolerance_is_relative_to_the_reference() -> None:
    rule = Tolerance("*", rtol=0.5)
    one, two = numpy.array([1.0]), numpy.array([2.0])
    assert not difference(one, two, rule).close
    assert difference(two, one, rule).close


def test_the_largest_differences_may_be_of_different_elements() -> None:
    found = difference(numpy.array([100.0, 0.1]), numpy.array([101.0, 0.2]), RULE)
    assert found.absolute == pytest.approx(1.0)
    assert found.relative == pytest.approx(1.0)
