"""Arrays that a script predicted, saved as ``.npz`` for an element-by-element comparison."""

import os
import re
from typing import Any, Dict, List

import numpy

from .contract import ARRAYS_FOLDER

MAX_TOTAL_BYTES = 64 * 2**20
MAX_ARRAY_FILES = 4096
MAX_ARRAY_ELEMENTS = 16 * 2**20
"""In one array: to compare arrays takes eight bytes and more for each element."""


class ArrayStore:
    """Saves arrays in one folder until its bounds are reached; then it only describes them."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, ARRAYS_FOLDER)
        self._bytes_left = MAX_TOTAL_BYTES
        self._files = 0

    def save(self, name: str, value: Any) -> List[Dict[str, Any]]:
        """Save ``value``, an array or a list or dict of arrays, under ``name``.

        Returns a description of each array; ``file`` is None where the array was not saved.
        """
        if isinstance(value, dict):
            items = [(str(key), value[key]) for key in sorted(value)]
        elif isinstance(value, (list, tuple)):
            items = [(str(index), item) for index, item in enumerate(value)]
        else:
            items = [("0", value)]
        return [self._save_array("%s.%s" % (name, key), numpy.asarray(item)) for key, item in items]

    def _save_array(self, name: str, array: Any) -> Dict[str, Any]:
        if array.dtype.name == "bfloat16":
            # NumPy has no such type of its own; float32 holds all its values.
            array = array.astype("float32")
        numeric = array.dtype.kind in "biuf" and array.size > 0
        with numpy.errstate(all="ignore"):
            mean = float(numpy.mean(array, dtype="float64")) if numeric else None
            std = float(numpy.std(array, dtype="float64")) if numeric else None
        description: Dict[str, Any] = {
            "name": name,
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "mean": mean,
            "std": std,
            "not_finite": int(array.size - numpy.isfinite(array).sum()) if numeric else 0,
            "file": None,
        }
        fits = array.nbytes <= self._bytes_left and self._files < MAX_ARRAY_FILES
        if numeric and fits and array.size <= MAX_ARRAY_ELEMENTS:
            self._bytes_left -= array.nbytes
            os.makedirs(self._folder, exist_ok=True)
            self._files += 1
            # Two names may be the same once unsafe characters are replaced, so files are numbered.
            file = "%d-%s.npz" % (self._files, re.sub(r"[^A-Za-z0-9._-]", "-", name)[:80])
            description["file"] = "%s/%s" % (ARRAYS_FOLDER, file)
            numpy.savez_compressed(os.path.join(self._folder, file), array=array)
        return description
