"""The working folder of a script: a writable mirror of its read-only folder.

Scripts open data beside themselves and save models there. The script's folder is mounted
read-only, so the script runs in a mirror of it on scratch space: folders are real, small files are
copies that may be overwritten, large files are links to the originals. What the script writes is
on scratch space and disappears with the cell.
"""

import os
import shutil
import stat
from typing import Callable

MAX_MIRRORED_ENTRIES = 20000
MAX_COPIED_FILE_BYTES = 16 * 2**20
MAX_COPIED_BYTES = 128 * 2**20
"""In all copies together: scratch space is memory."""


def mirror(source: str, target: str, linked: Callable[[str], bool] = lambda name: False) -> None:
    """Make ``target`` mirror ``source``.

    Folders whose name is ``linked`` become links, as do all entries after the first
    ``MAX_MIRRORED_ENTRIES``.
    """
    os.makedirs(target, exist_ok=True)
    count = copied = 0
    pending = [(source, target)]
    while pending:
        from_folder, to_folder = pending.pop(0)
        for entry in sorted(os.scandir(from_folder), key=lambda item: item.name):
            count += 1
            to_path = os.path.join(to_folder, entry.name)
            real = count < MAX_MIRRORED_ENTRIES and not linked(entry.name)
            if real and entry.is_dir(follow_symlinks=False):
                os.mkdir(to_path)
                pending.append((entry.path, to_path))
                continue
            size = entry.stat(follow_symlinks=False).st_size
            small = size <= MAX_COPIED_FILE_BYTES and copied + size <= MAX_COPIED_BYTES
            if small and entry.is_file(follow_symlinks=False) and _copied(entry.path, to_path):
                copied += size
            else:
                os.symlink(entry.path, to_path)


def _copied(source: str, target: str) -> bool:
    """Copy a file and its mode; return whether there was space and permission to."""
    try:
        shutil.copy(source, target)
        os.chmod(target, os.stat(target).st_mode | stat.S_IWUSR)
    except OSError:
        # A link to the original does for everything but writing.
        if os.path.lexists(target):
            os.unlink(target)
        return False
    return True
