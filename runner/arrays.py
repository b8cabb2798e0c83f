"""Compare stored arrays element by element. A container wrote them: nothing is unpickled."""

import io
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy
import numpy.typing

from runner.comparison import ArrayDifference
from runner.stream import BadStreamError, read_bounded
from runner.tolerance import Tolerance

MAX_FILE = 64 * 2**20
MAX_EXPANDED = 256 * 2**20

DAMAGE = (
    *(ArithmeticError, EOFError, KeyError, MemoryError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError),
    *(struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What zipfile and NumPy's reader of headers raise at what is no array file."""

FloatArray = numpy.typing.NDArray[numpy.float64]


def read(path: Path) -> FloatArray:
    """Read the one array of an ``.npz`` file, as float64.

    Raises:
        BadStreamError: it is missing, too large, packed to expand beyond bounds, or malformed.
    """
    content = read_bounded(path, MAX_FILE)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if sum(member.file_size for member in packed.infolist()) > MAX_EXPANDED:
                raise BadStreamError(f"{path.name} expands to more than {MAX_EXPANDED} bytes")
        with numpy.load(io.BytesIO(content), allow_pickle=False) as loaded:
            array: Any = loaded["array"]
            return numpy.asarray(array, dtype=numpy.float64)
    except DAMAGE as error:
        raise BadStreamError(f"{path.name} is not an array file ({error})") from error


def difference(reference: FloatArray, other: FloatArray, tolerance: Tolerance) -> ArrayDifference:
    """Return the largest differences of two arrays; of different shapes they are infinite.

    Elements that are not finite agree only with their like (NaN with NaN).
    """
    if reference.shape != other.shape:
        return ArrayDifference(absolute=float("inf"), relative=float("inf"), close=False)
    if reference.size == 0:
        return ArrayDifference(absolute=0.0, relative=0.0, close=True)
    same = (reference == other) | (numpy.isnan(reference) & numpy.isnan(other))
    with numpy.errstate(all="ignore"):
        close = numpy.isclose(
            other, reference, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True
        )
        absolute = numpy.where(same, 0.0, numpy.abs(other - reference))
        absolute = numpy.where(numpy.isnan(absolute), numpy.inf, absolute)
        relative = numpy.where(same, 0.0, absolute / numpy.abs(reference))
        relative = numpy.where(numpy.isnan(relative), numpy.inf, relative)
    return ArrayDifference(
        absolute=float(absolute.max()), relative=float(relative.max()), close=bool(close.all())
    )
