"""Arrays that a script predicted, kept as ``.npz`` for an element-wise comparison."""

import os
import re
from typing import Any, Dict, List

import numpy

from .contract import ARRAYS_FOLDER

MAX_TOTAL_BYTES = 64 * 2**20
MAX_FILES = 4096
MAX_ELEMENTS = 16 * 2**20
"""Of one array: compared, each takes eight bytes and more."""


class ArrayStore:
    """Writes arrays to one folder until its bounds are reached; then only describes them."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, ARRAYS_FOLDER)
        self._left = MAX_TOTAL_BYTES
        self._count = 0

    def save(self, name: str, value: Any) -> List[Dict[str, Any]]:
        """Keep ``value``, an array or a list or dict of arrays, under ``name``.

        Returns one description an array; ``file`` is None where the array was not kept.
        """
        if isinstance(value, dict):
            items = [(str(key), value[key]) for key in sorted(value)]
        elif isinstance(value, (list, tuple)):
            items = [(str(index), item) for index, item in enumerate(value)]
        else:
            items = [("0", value)]
        return [self._save_one("%s.%s" % (name, key), numpy.asarray(item)) for key, item in items]

    def _save_one(self, name: str, array: Any) -> Dict[str, Any]:
        numeric = array.dtype.kind in "biuf" and array.size > 0
        with numpy.errstate(all="ignore"):
            mean = float(numpy.mean(array, dtype="float64")) if numeric else None
            std = float(numpy.std(array, dtype="float64")) if numeric else None
        described: Dict[str, Any] = {
            "name": name,
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "mean": mean,
            "std": std,
            "not_finite": int(array.size - numpy.isfinite(array).sum()) if numeric else 0,
            "file": None,
        }
        room = array.nbytes <= self._left and self._count < MAX_FILES
        if numeric and room and array.size <= MAX_ELEMENTS:
            self._left -= array.nbytes
            os.makedirs(self._folder, exist_ok=True)
            self._count += 1
            # Names may be anything, and two of them alike once made safe: the count tells apart.
            safe = "%d-%s.npz" % (self._count, re.sub(r"[^A-Za-z0-9._-]", "-", name)[:80])
            described["file"] = "%s/%s" % (ARRAYS_FOLDER, safe)
            numpy.savez_compressed(os.path.join(self._folder, safe), array=array)
        return described
