"""What a trace captured, on disk: an index of JSON lines, and a file for each array."""

import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ...contract import INDEX_FILE
from ...events import plain

ArrayKey = Tuple[str, str, str]
"""What an array is, of which node or weight, and when (a learning phase, or a step's number)."""


class Dump:
    """Writes arrays as they come; an array is in the index only once its file is complete."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self._count = 0

    def array(self, what: str, name: str, when: str, value: Any) -> None:
        """Write an array, and its entry in the index."""
        array = numpy.asarray(value)
        if array.dtype.kind == "b":
            array = array.astype("uint8")
        self._count += 1
        file = "%d.npy" % self._count
        numpy.save(os.path.join(self.folder, file), array, allow_pickle=False)
        self.entry(
            "array",
            what=what,
            name=name,
            when=when,
            file=file,
            shape=list(array.shape),
            dtype=str(array.dtype),
        )

    def entry(self, entry: str, **fields: Any) -> None:
        """Add a line to the index."""
        line = json.dumps(plain(dict(fields, entry=entry)), allow_nan=False)
        with open(os.path.join(self.folder, INDEX_FILE), "a", encoding="utf-8") as file:
            file.write(line + "\n")


class Reference:
    """Reads what the cell of the reference image captured."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: Dict[ArrayKey, str] = {}
        with open(os.path.join(folder, INDEX_FILE), encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                if entry["entry"] == "array":
                    self._files[entry["what"], entry["name"], entry["when"]] = entry["file"]

    def get(self, what: str, name: str, when: str) -> Optional[Any]:
        """Read an array; None if the reference has no such array."""
        file = self._files.get((what, name, when))
        return None if file is None else numpy.load(os.path.join(self._folder, file))

    def all(self, what: str, name: str, when: str) -> List[Any]:
        """Read the arrays of all outputs of a node."""
        return list(self._numbered(what, name, when))

    def _numbered(self, what: str, name: str, when: str) -> Iterator[Any]:
        index = 0
        while True:
            array = self.get(what, port(name, index), when)
            if array is None:
                return
            yield array
            index += 1


def port(key: str, index: int) -> str:
    """Return the name of a node's output; the first has the name of the node."""
    return key if index == 0 else "%s:%d" % (key, index)
