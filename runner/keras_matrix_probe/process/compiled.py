"""Code that the backend compiles for the machine: kept between cells, counted within them.

Such a backend keeps its modules in one folder, a folder each. A cell begins with copies of those
that its image and earlier cells of the same script have, and hands back what is new.
"""

import os
import shutil
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

FROM_IMAGE = "/opt/keras-matrix/compiled"
NOT_CODE = ("lock_dir", "__pycache__")
MAX_FILES = 16
MAX_BYTES = 512 * 2**20
"""Files in one entry to hand back, and bytes in all."""

State = Dict[str, Tuple[int, int]]
"""Entry to size and time of the newest file in it."""


class Compiled:
    """The folder where a backend keeps what it compiles."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: State = {}

    def restore(self, source: str) -> None:
        """Copy what is there already.

        What the image has comes before Keras is imported; what cells have compiled after that,
        since it may be anything: it is for the replicates of their script alone to load.
        """
        os.makedirs(self._folder, exist_ok=True)
        for entry in sorted(os.listdir(source)) if os.path.isdir(source) else ():
            target = os.path.join(self._folder, entry)
            if not os.path.exists(target):
                shutil.copytree(os.path.join(source, entry), target)
        self._known = self._state()

    def hand_back(self, target: str) -> None:
        """Copy what is new or changed since the last time."""
        state = self._state()
        changed = [entry for entry in sorted(state) if state[entry] != self._known.get(entry)]
        if os.path.lexists(target):
            # Not ours: nothing of that kind is there yet.
            return
        left = MAX_BYTES
        for entry in changed:
            left -= state[entry][0]
            if left < 0:
                break
            self._copy(entry, os.path.join(target, entry))
        self._known = state

    def _copy(self, entry: str, target: str) -> None:
        os.makedirs(target)
        for name in _files(os.path.join(self._folder, entry)):
            if not name.endswith(".cpp"):
                shutil.copyfile(os.path.join(self._folder, entry, name), os.path.join(target, name))

    def _state(self) -> State:
        """Return what can be told of entries; a replicate may have put anything in their place."""
        found: State = {}
        for entry in os.listdir(self._folder):
            folder = os.path.join(self._folder, entry)
            if entry in NOT_CODE or os.path.islink(folder) or not os.path.isdir(folder):
                continue
            os.chmod(folder, 0o700)
            files = _files(folder)
            status = [os.lstat(os.path.join(folder, name)) for name in files]
            if status and len(status) <= MAX_FILES:
                found[entry] = (
                    sum(one.st_size for one in status),
                    max(one.st_mtime_ns for one in status),
                )
        return found


def _files(folder: str) -> List[str]:
    """Return the regular files of a folder that can be read."""
    return [
        entry.name
        for entry in os.scandir(folder)
        if entry.is_file(follow_symlinks=False) and os.access(entry.path, os.R_OK)
    ]


class CompileClock:
    """How many modules were compiled by this process, and how long that took, in seconds.

    ``tell`` hears of the number after each.
    """

    def __init__(self) -> None:
        self.modules = 0
        self.seconds = 0.0
        self.tell: Optional[Callable[[int], None]] = None

    def wrap(self, compile_one: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that compiles one module, and counts it."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return compile_one(*args, **kwargs)
            finally:
                self.modules += 1
                self.seconds += time.perf_counter() - start
                tell = self.tell
                if tell is not None:
                    tell(self.modules)

        return counted
