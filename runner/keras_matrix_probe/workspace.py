"""The working folder of a script: a writable mirror of its read-only folder.

Scripts open data beside themselves and save models there. The script's folder is mounted
read-only, so the script runs in a mirror of it on scratch space: folders are real, files are
links to the originals. What the script writes lands on scratch and disappears with the cell.
"""

import os

MAX_FILES = 20000


def mirror(source: str, target: str) -> None:
    """Make ``target`` mirror ``source``; past ``MAX_FILES`` files, folders become links too."""
    os.makedirs(target, exist_ok=True)
    count = 0
    pending = [(source, target)]
    while pending:
        from_folder, to_folder = pending.pop(0)
        for entry in sorted(os.scandir(from_folder), key=lambda item: item.name):
            count += 1
            to_path = os.path.join(to_folder, entry.name)
            if entry.is_dir(follow_symlinks=False) and count < MAX_FILES:
                os.mkdir(to_path)
                pending.append((entry.path, to_path))
            else:
                os.symlink(entry.path, to_path)
