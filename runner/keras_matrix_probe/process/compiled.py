"""Code that the backend compiles for the machine: kept between cells, counted within them.

A backend that compiles keeps its modules in one folder, each in a folder of its own. A container
begins with copies of the modules that its image and earlier cells of the same script compiled, and
each cell hands back what it adds.
"""

import os
import shutil
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..backends.base import Backend

IMAGE_FOLDER = "/opt/keras-matrix/compiled"
"""The modules that were compiled while the image was built."""
BYTECODE_FOLDER = "__pycache__"
MAX_MODULE_FILES = 16
"""Files in the folder of one module; a folder with more is not handed back."""
MAX_HANDED_BACK_BYTES = 512 * 2**20
"""In all modules that one cell hands back."""

FolderState = Dict[str, Tuple[int, int]]
"""The name of a module's folder to the bytes in it and the time of its newest file."""


class CompiledModules:
    """The folder where a backend keeps the modules that it compiles."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known: FolderState = {}

    def restore(self, source: str) -> None:
        """Copy modules that were compiled before.

        Those of the image are copied before Keras is imported. Those of earlier cells are copied
        afterwards, since they may hold anything: only cells of the same script may load them.
        """
        os.makedirs(self._folder, exist_ok=True)
        for entry in sorted(os.listdir(source)) if os.path.isdir(source) else ():
            target = os.path.join(self._folder, entry)
            if not os.path.exists(target):
                shutil.copytree(os.path.join(source, entry), target)
        self._known = self._state()

    def hand_back(self, target: str, backend: Backend) -> None:
        """Copy to ``target`` the modules that are new or changed since the last call."""
        state = self._state()
        for name in backend.folders_without_code:
            state.pop(name, None)
        changed = [entry for entry in sorted(state) if state[entry] != self._known.get(entry)]
        if os.path.lexists(target):
            # The cell made it: the probe has written nothing there yet.
            return
        bytes_left = MAX_HANDED_BACK_BYTES
        for entry in changed:
            bytes_left -= state[entry][0]
            if bytes_left < 0:
                break
            self._copy(entry, os.path.join(target, entry), backend)
        self._known = state

    def _copy(self, entry: str, target: str, backend: Backend) -> None:
        os.makedirs(target)
        for name in _files(os.path.join(self._folder, entry)):
            if not name.endswith(backend.source_suffixes):
                shutil.copyfile(os.path.join(self._folder, entry, name), os.path.join(target, name))

    def _state(self) -> FolderState:
        """Return the state of the modules; a cell may have put anything in their place."""
        state: FolderState = {}
        for entry in os.listdir(self._folder):
            folder = os.path.join(self._folder, entry)
            if entry == BYTECODE_FOLDER or os.path.islink(folder) or not os.path.isdir(folder):
                continue
            os.chmod(folder, 0o700)
            files = _files(folder)
            status = [os.lstat(os.path.join(folder, name)) for name in files]
            if status and len(status) <= MAX_MODULE_FILES:
                state[entry] = (
                    sum(file.st_size for file in status),
                    max(file.st_mtime_ns for file in status),
                )
        return state


def _files(folder: str) -> List[str]:
    """Return the names of a folder's regular files that can be read."""
    return [
        entry.name
        for entry in os.scandir(folder)
        if entry.is_file(follow_symlinks=False) and os.access(entry.path, os.R_OK)
    ]


class CompileClock:
    """Counts the modules that this process compiles, and the seconds that takes.

    ``notify`` is called with the number of modules after each.
    """

    def __init__(self) -> None:
        self.modules = 0
        self.seconds = 0.0
        self.notify: Optional[Callable[[int], None]] = None

    def wrap(self, compile_module: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function that compiles one module, so that its calls are counted."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return compile_module(*args, **kwargs)
            finally:
                self.modules += 1
                self.seconds += time.perf_counter() - start
                notify = self.notify
                if notify is not None:
                    notify(self.modules)

        return counted
