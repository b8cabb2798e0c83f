"""Read arrays that a container wrote: with bounds on all sizes, and without unpickling."""

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

MAX_FILE_BYTES = 64 * 2**20
MAX_EXPANDED_BYTES = 256 * 2**20
MAX_DIRECTORY_BYTES = 2**16
"""Of the archive's directory of its members."""
MAX_HEADER_BYTES = 2**16
"""Of the ``.npy`` file within the archive."""
MAX_ELEMENT_BYTES = 8
MAX_ELEMENTS = 64 * 2**20
MEMBER_NAME = "array.npy"
END_OF_ARCHIVE = struct.Struct("<4s4H2LH")
"""The last record of an archive (APPNOTE.TXT, 4.3.16).

Its fields are the signature, two disk numbers, two counts of entries, size and offset of their
directory, and the length of a comment.
"""
LOCATOR_64 = slice(-END_OF_ARCHIVE.size - 20, -END_OF_ARCHIVE.size)
"""Where a ZIP64 archive points to another such record, which then counts instead."""
COMPRESSION_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The allowed methods: others may allocate memory before anything is expanded."""

DAMAGE = (
    *(ArithmeticError, EOFError, KeyError, MemoryError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError, Warning),
    *(struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What zipfile and NumPy's reader of headers raise for a file that is not an array file."""

Array = numpy.typing.NDArray[Any]
FloatArray = numpy.typing.NDArray[numpy.float64]


def read(path: Path) -> FloatArray:
    """Read the only array of an ``.npz`` file, as float64.

    Raises:
        UnreadableError: the file is missing, too large, expands beyond bounds, or is malformed.
    """
    content = read_bounded(path, MAX_FILE_BYTES)
    try:
        array = parse(memoryview(_only_member(content, path.name)))
        if array.size > MAX_ELEMENTS:
            raise UnreadableError(f"{path.name} holds more than {MAX_ELEMENTS} numbers")
        return numpy.asarray(array, dtype=numpy.float64)
    except DAMAGE as error:
        raise UnreadableError(f"{path.name} is not an array file ({reason(error)})") from error


def _only_member(content: bytes, name: str) -> bytes:
    # Checked first, as zipfile makes an object of each entry that the archive claims to have.
    *_, entries, size, _, _ = END_OF_ARCHIVE.unpack(content[-END_OF_ARCHIVE.size :])
    if entries != 1 or size > MAX_DIRECTORY_BYTES or content[LOCATOR_64].startswith(b"PK"):
        raise ValueError("more than one member")
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        member = packed.getinfo(MEMBER_NAME)
        if member.file_size > MAX_EXPANDED_BYTES:
            raise UnreadableError(f"{name} expands to more than {MAX_EXPANDED_BYTES} bytes")
        if member.compress_type not in COMPRESSION_METHODS:
            raise ValueError(f"compressed with method {member.compress_type}")
        return packed.read(member)


def reason(error: Exception) -> str:
    """Describe an error of ``DAMAGE`` on one line."""
    return brief(str(error)) or type(error).__name__


def parse(content: memoryview) -> Array:
    """Parse a ``.npy`` file of numbers; nothing is unpickled.

    Raises:
        Exception: one of ``DAMAGE``: the file is malformed.
    """
    file = io.BytesIO(content[:MAX_HEADER_BYTES])
    version = numpy.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"version {version}")
    with warnings.catch_warnings():
        # NumPy warns of headers that only old versions wrote.
        warnings.simplefilter("error")
        shape, fortran, dtype = numpy.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "biuf" or dtype.itemsize > MAX_ELEMENT_BYTES:
        raise ValueError(f"elements of type {dtype}")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError(f"the shape {shape}")
    # The elements that are there, so that a forged shape allocates nothing.
    flat = numpy.frombuffer(content, dtype=dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C")
