"""Data sets offline: ``keras.utils.get_file`` finds its files in a mounted folder, or names them.

The folder is Keras's cache of data sets. It is mounted read-only; Keras unpacks archives beside
their files, so it works in a writable mirror.
"""

import os
import sys
from typing import Any, Callable, List

from .. import workspace
from ..contract import DATA
from ..failures import MissingDataSetError


def install(keras: Any, scratch: str, note: Callable[[str], None]) -> None:
    """Replace ``get_file`` wherever Keras has it; ``scratch`` gets the mirror of the cache."""
    cache = os.path.join(scratch, "keras")
    folder = os.path.join(cache, "datasets")
    if os.path.isdir(DATA):
        workspace.mirror(str(DATA), folder)
    original = keras.utils.get_file
    module: Any = sys.modules[original.__module__]
    validate = getattr(module, "validate_file", None)

    def get_file(fname: str, origin: Any = None, *args: Any, **kwargs: Any) -> Any:
        untar = bool(args[0] if args else kwargs.get("untar", False))
        subfolder = str(kwargs.get("cache_subdir", "datasets"))
        if kwargs.get("cache_dir") is not None or os.path.isabs(subfolder) or os.path.isabs(fname):
            # The script has a cache of its own.
            return original(fname, origin, *args, **kwargs)
        if subfolder.split("/", maxsplit=1)[0] != "datasets":
            # Weights of keras.applications, for example: they lie in the folder that is mounted.
            subfolder = "datasets/" + subfolder
        path = os.path.join(cache, subfolder, fname)
        if not os.path.exists(path) and not (untar and os.path.exists(path + ".tar.gz")):
            if os.path.islink(path):
                # The mirror links to a link in the folder, whose target is not in the cell.
                raise MissingDataSetError(
                    "the data set file %s is a link that leads out of the folder given with "
                    "--data, which cells cannot follow: put the file itself there" % fname
                )
            place = os.path.relpath(path, folder) + (".tar.gz" if untar else "")
            raise MissingDataSetError(
                "the data set file %s is missing, and a cell has no network: "
                "put it into the folder given with --data, as %s" % (fname, place)
            )
        if untar and not os.path.exists(path + ".tar.gz"):
            return path
        changed = dict(kwargs, cache_dir=cache, cache_subdir=subfolder)
        return original(fname, origin, *args, **changed)

    def validate_file(path: str, *args: Any, **kwargs: Any) -> bool:
        if validate is not None and not validate(path, *args, **kwargs):
            note("The data set file %s is not the original file." % os.path.relpath(path, folder))
        return True

    if validate is not None:
        module.validate_file = validate_file
    modules: List[Any] = list(sys.modules.values())
    for loaded in modules:
        name = getattr(loaded, "__name__", "")
        if name.startswith("keras") and getattr(loaded, "get_file", None) is original:
            loaded.get_file = get_file
