"""Array files of a container, and any bytes instead of them."""

import io
import struct
import zipfile
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fuzz import targets as fuzz_targets
from tests.unit.fuzz.strategies import damaged

KINDS: tuple[str, ...] = (
    "<f4",
    "<f8",
    ">f8",
    "<f2",
    "|b1",
    "|i1",
    "<i8",
    "<u8",
    "<c16",
    "|O",
    "<M8[s]",
    "|S1",
    "|S0",
)
KINDS += ("<U0", "<U1000000000", "|V0", "<f16", "f8,f8", "", "\\d", "<f8\\x00")
LENGTHS = ("0", "1", "2", "4", "-1", "True", "2L", "1e3", "10**9", "4000000000", str(2**63), "None")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def _file(parts: tuple[str, list[str], bytes, bool, tuple[int, int]]) -> bytes:
    kind, lengths, data, fortran, version = parts
    shape = f"({','.join(lengths)}{',' * (len(lengths) == 1)})"
    text = f"{{'descr': {kind!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(text)) + text + data


forged = st.tuples(
    st.sampled_from(KINDS),
    st.lists(st.sampled_from(LENGTHS), max_size=4),
    st.binary(max_size=32),
    st.booleans(),
    st.sampled_from([(1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (255, 255)]),
).map(_file)


def _saved(values: list[float]) -> bytes:
    content = io.BytesIO()
    numpy.save(content, numpy.array(values))
    return content.getvalue()


files = forged | st.lists(st.floats(), max_size=4).map(_saved)


def _archive(parts: tuple[bytes, str, int, bytes]) -> bytes:
    content, name, method, comment = parts
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr(name, content)
        archive.comment = comment
    return packed.getvalue()


archives = st.tuples(
    files | damaged(files) | st.binary(),
    st.sampled_from(["array.npy", "array.npy", "array.npy", "array", "../array.npy", "other.npy"]),
    st.sampled_from(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
    ),
    st.sampled_from([b"", b"", b"a comment"]),
).map(_archive)


@given(files | damaged(files) | st.binary())
def test_any_array_file(folder: Path, content: bytes) -> None:
    fuzz_targets.array_file(content, folder)


@given(archives | damaged(archives) | st.binary())
def test_any_archive(folder: Path, content: bytes) -> None:
    fuzz_targets.array_archive(content, folder)
