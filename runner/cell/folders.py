"""The folders a cell mounts: made before it runs, taken back after it has ended."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import runner
from runner.errors import ConfigurationError

CELL_UID = 10001
"""The images' own user, for a caller who is root: a cell never runs as root."""
MAX_STAGED = 2 * 2**30
PROBE_FOLDER = Path(runner.__file__).parent / "keras_matrix_probe"


def cell_user() -> tuple[int, int]:
    """Return the user and group a cell runs as: the caller's, or the images' own for root."""
    if os.getuid() == 0:
        return CELL_UID, CELL_UID
    return os.getuid(), os.getgid()


def make_output(path: Path) -> None:
    """Make an empty folder that the cell's user may write, and nobody else."""
    path.mkdir(parents=True, mode=0o700)
    if os.getuid() == 0:
        os.chown(path, *cell_user())


def write_readable(path: Path, content: bytes) -> None:
    """Write a file, in a folder of its own, that the cell's user can read."""
    path.parent.mkdir(parents=True, mode=0o755)
    path.write_bytes(content)
    path.chmod(0o644)


def take_back(path: Path) -> None:
    """Give everything a cell wrote to the caller; links are not followed."""
    if os.getuid() != 0:
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.lchown(os.path.join(folder, name), 0, 0)
    os.lchown(path, 0, 0)


def claim(output: Path, target: Path) -> None:
    """Take a folder that a cell wrote out of its reach; a link in its place becomes a folder."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        os.rename(output, target)
    except FileNotFoundError:
        # The cell has removed it.
        target.mkdir()
    if target.is_symlink() or not target.is_dir():
        target.unlink()
        target.mkdir()
    take_back(target)


def remove(path: Path) -> None:
    """Remove a folder that a cell wrote in, whatever permissions it left."""

    def open_up(folder: str) -> None:
        os.chmod(folder, stat.S_IRWXU)

    if path.is_dir() and not path.is_symlink():
        for folder, folders, _ in os.walk(path):
            open_up(folder)
            for name in folders:
                inner = os.path.join(folder, name)
                if not os.path.islink(inner):
                    open_up(inner)
        shutil.rmtree(path)


def readable(folder: Path, staging: Path, hidden: Path) -> Path:
    """Return a folder with the script that the cell's user can read.

    That is the script's own folder, unless root calls and keeps it to itself (0700, as
    temporary folders are): then a copy in ``staging``, since a cell never runs as root. The
    copy leaves out ``hidden``, where the results are, and whatever is not a file.

    Raises:
        ConfigurationError: the folder cannot be read, or is too large to copy.
    """
    if os.getuid() != 0 or _open_to_others(folder, hidden):
        return folder
    size = 0
    for current, files in _walk(folder, hidden):
        size += sum(os.lstat(os.path.join(current, name)).st_size for name in files)
        if size > MAX_STAGED:
            raise ConfigurationError(
                f"{folder} is closed to other users and too large to copy; cells do not run as "
                f"root, so open it with 'chmod -R o+rX {folder}'."
            )
    for current, files in _walk(folder, hidden):
        target = staging / Path(current).relative_to(folder)
        target.mkdir(mode=0o755, parents=True)
        for name in files:
            _copy(os.path.join(current, name), str(target / name))
    return staging


def _copy(source: str, target: str) -> None:
    mode = os.lstat(source).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)
    elif stat.S_ISREG(mode):
        shutil.copyfile(source, target)
        os.chmod(target, 0o755 if mode & stat.S_IXUSR else 0o644)


def _walk(folder: Path, hidden: Path) -> Iterator[tuple[str, list[str]]]:
    for current, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(current, name))]
        folders[:] = [
            name for name in folders if name not in links and Path(current, name) != hidden
        ]
        yield current, files + links


def _open_to_others(folder: Path, hidden: Path) -> bool:
    for current, files in _walk(folder, hidden):
        if os.stat(current).st_mode & 0o005 != 0o005:
            return False
        for name in files:
            mode = os.lstat(os.path.join(current, name)).st_mode
            if not stat.S_ISLNK(mode) and not mode & 0o004:
                return False
    return True
