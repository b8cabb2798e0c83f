"""What a trace found, on disk: an index, one JSON object a line, and an array file an entry."""

import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple

import numpy

from ...contract import INDEX_FILE
from ...events import plain

Key = Tuple[str, str, str]
"""What an array is, of which node or weight, and when (a phase or a step)."""


class Dump:
    """Writes arrays as they come; an entry stands in the index once its array is on disk."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self._count = 0

    def array(self, what: str, name: str, when: str, value: Any) -> None:
        """Keep an array."""
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
    """What the reference image's cell dumped, as a folder that is only read."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._files: Dict[Key, str] = {}
        with open(os.path.join(folder, INDEX_FILE), encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                if entry["entry"] == "array":
                    self._files[entry["what"], entry["name"], entry["when"]] = entry["file"]

    def get(self, what: str, name: str, when: str) -> Optional[Any]:
        """Return an array, None if there is none."""
        file = self._files.get((what, name, when))
        return None if file is None else numpy.load(os.path.join(self._folder, file))

    def all(self, what: str, name: str, when: str) -> List[Any]:
        """Return the arrays of all outputs of a node."""
        return list(self._numbered(what, name, when))

    def _numbered(self, what: str, name: str, when: str) -> Iterator[Any]:
        index = 0
        while True:
            found = self.get(what, port(name, index), when)
            if found is None:
                return
            yield found
            index += 1


def port(key: str, index: int) -> str:
    """Name one of a node's outputs."""
    return key if index == 0 else "%s:%d" % (key, index)
