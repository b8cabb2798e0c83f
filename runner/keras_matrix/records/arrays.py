"""Compare stored arrays element by element. A container wrote them: nothing is unpickled."""

import io
import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy
import numpy.typing

from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.text import brief

MAX_FILE = 64 * 2**20
MAX_EXPANDED = 256 * 2**20
MAX_DIRECTORY = 2**16
MAX_HEADER = 2**16
LARGEST = 8
"""Bytes of an element."""

MAX_ELEMENTS = MAX_FILE
MEMBER = "array.npy"
END_OF_ARCHIVE = struct.Struct("<4s4H2LH")
"""Signature, disk numbers and counts of entries, size and place of their directory, a comment's."""
LOCATOR_64 = slice(-END_OF_ARCHIVE.size - 20, -END_OF_ARCHIVE.size)
"""Where larger archives tell of another such record, which then counts."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others may ask for memory before there is anything to expand."""

DAMAGE = (
    *(ArithmeticError, EOFError, KeyError, MemoryError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, Warning),
    *(struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What zipfile and NumPy's reader of headers raise at what is no array file."""

Array = numpy.typing.NDArray[Any]
FloatArray = numpy.typing.NDArray[numpy.float64]


def read(path: Path) -> FloatArray:
    """Read the one array of an ``.npz`` file, as float64.

    Raises:
        UnreadableError: it is missing, too large, packed to expand beyond bounds, or malformed.
    """
    content = read_bounded(path, MAX_FILE)
    try:
        array = parse(memoryview(_only_member(content, path.name)))
        if array.size > MAX_ELEMENTS:
            raise UnreadableError(f"{path.name} holds more than {MAX_ELEMENTS} numbers")
        return numpy.asarray(array, dtype=numpy.float64)
    except DAMAGE as error:
        raise UnreadableError(f"{path.name} is not an array file ({reason(error)})") from error


def _only_member(content: bytes, name: str) -> bytes:
    # Before zipfile makes something of each entry that the archive is told to have.
    *_, entries, size, _, _ = END_OF_ARCHIVE.unpack(content[-END_OF_ARCHIVE.size :])
    if entries != 1 or size > MAX_DIRECTORY or content[LOCATOR_64].startswith(b"PK"):
        raise ValueError("more than one member")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        member = packed.getinfo(MEMBER)
        if member.file_size > MAX_EXPANDED:
            raise UnreadableError(f"{name} expands to more than {MAX_EXPANDED} bytes")
        if member.compress_type not in METHODS:
            raise ValueError(f"compressed with method {member.compress_type}")
        return packed.read(member)


def reason(error: Exception) -> str:
    """Say on one line what is wrong with an array file."""
    return brief(str(error)) or type(error).__name__


def parse(content: memoryview) -> Array:
    """Parse a ``.npy`` file of numbers; nothing is unpickled.

    Raises:
        Exception: one of ``DAMAGE``: it is malformed.
    """
    file = io.BytesIO(content[:MAX_HEADER])
    version = numpy.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"version {version}")
    with warnings.catch_warnings():
        # Of headers that NumPy of these days does not write.
        warnings.simplefilter("error")
        shape, fortran, dtype = numpy.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "biuf" or dtype.itemsize > LARGEST:
        raise ValueError(f"elements of type {dtype}")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"the shape {shape}")
    # From what is there, so that a forged shape takes no memory.
    flat = numpy.frombuffer(content, dtype=dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C")
