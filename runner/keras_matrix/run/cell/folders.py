"""The folders a cell mounts: made before it runs, taken back after it has ended."""

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from keras_matrix.engine.users import CellUser
from keras_matrix.errors import ConfigurationError

MAX_STAGED_BYTES = 2 * 2**30
"""Bytes of a script's folder that are copied for cells which cannot read the folder itself."""
MAX_DEPTH = 2
"""Folders within folders in what a cell hands over: compiled code has the most."""


def make_output(path: Path, user: CellUser) -> None:
    """Make an empty folder that the cell's user alone may write.

    What else is beside it was left there by cells that have ended, and is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent)
    path.mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(path, *user.outside)


def write_readable(path: Path, content: bytes) -> None:
    """Write a file, in a folder of its own, that the cell's user can read."""
    path.parent.mkdir(parents=True, mode=0o755)
    path.write_bytes(content)
    path.chmod(0o644)


def claim(output: Path, target: Path) -> None:
    """Move a folder that a cell wrote out of its reach; a link in its place becomes a folder.

    What it holds then belongs to the caller: folders, not deeper than the probe makes them, and
    regular files that cannot be executed.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A cell that runs as the caller may have removed the permissions.
    output.parent.chmod(0o755)
    try:
        os.rename(output, target)
    except FileNotFoundError:
        # The cell has removed it.
        target.mkdir()
    if target.is_symlink() or not target.is_dir():
        target.unlink()
        target.mkdir()
    folder = _enter(str(target))
    try:
        _settle(folder, MAX_DEPTH)
        os.fchown(folder, os.getuid(), os.getgid())
    finally:
        os.close(folder)


def remove(path: Path) -> None:
    """Remove a folder that a cell wrote in, whatever permissions it left, and however deep."""
    if path.is_dir() and not path.is_symlink():
        _clear(path)
        path.rmdir()


def _enter(name: str, above: int | None = None) -> int:
    """Open a folder in another one, whatever its permissions; follow no link."""
    itself = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    try:
        os.chmod(_itself(itself), stat.S_IRWXU)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=itself)
    finally:
        os.close(itself)


def _itself(descriptor: int) -> str:
    """Return a path to what is open, whatever becomes of its name."""
    return f"/proc/self/fd/{descriptor}"


def _settle(folder: int, depth: int) -> None:
    """Give a folder's content to the caller; remove what is neither a file nor a folder."""
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False) and depth:
            inner = _enter(entry.name, folder)
            try:
                _settle(inner, depth - 1)
                os.fchown(inner, os.getuid(), os.getgid())
            finally:
                os.close(inner)
        elif entry.is_dir(follow_symlinks=False):
            _remove_folder(entry.name, folder)
        elif entry.is_file(follow_symlinks=False):
            file = os.open(entry.name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
            try:
                os.chown(_itself(file), os.getuid(), os.getgid())
                os.chmod(_itself(file), 0o644)
            finally:
                os.close(file)
        else:
            os.unlink(entry.name, dir_fd=folder)


def _clear(path: Path) -> None:
    """Remove all that is in a folder."""
    folder = _enter(str(path))
    try:
        for entry in list(os.scandir(folder)):
            if entry.is_dir(follow_symlinks=False):
                _remove_folder(entry.name, folder)
            else:
                os.unlink(entry.name, dir_fd=folder)
        os.fchmod(folder, 0o755)
    finally:
        os.close(folder)


def _remove_folder(name: str, above: int) -> None:
    """Remove a folder; those within are moved beside it, so that none is too deep to be named."""
    pending = [name]
    while pending:
        name = pending.pop()
        folder = _enter(name, above)
        try:
            for entry in list(os.scandir(folder)):
                if entry.is_dir(follow_symlinks=False):
                    os.close(_enter(entry.name, folder))
                    pending.append(secrets.token_hex(16))
                    os.rename(entry.name, pending[-1], src_dir_fd=folder, dst_dir_fd=above)
                else:
                    os.unlink(entry.name, dir_fd=folder)
        finally:
            os.close(folder)
        os.rmdir(name, dir_fd=above)


def readable(folder: Path, staging: Path, hidden: Path) -> Path:
    """Return a folder that the cell's user can read, with all that is in ``folder``.

    That is the folder itself, unless root is the caller and keeps it to itself (0700, as temporary
    folders are): then a copy in ``staging``, since a cell never runs as root. The copy leaves out
    ``hidden``, where the results are, and what is not a file.

    Raises:
        ConfigurationError: the folder cannot be read, or is too large to copy.
    """
    if os.getuid() != 0 or _open_to_others(folder, hidden):
        return folder
    size = 0
    for current, files in _walk(folder, hidden):
        size += sum(os.lstat(os.path.join(current, name)).st_size for name in files)
        if size > MAX_STAGED_BYTES:
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
