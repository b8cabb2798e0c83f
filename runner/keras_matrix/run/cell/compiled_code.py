"""Code that backends compile at run time, kept between the cells of one script.

``<root>/<key>/`` holds an ``index.json`` with a digest of every file, and ``entries/``, a folder
each. The key names the image's digest, the CPU and the script, so nothing is shared between
scripts, nor with another version of one, of a module beside it or of its data. Cells get copies,
and what they hand back is taken after a clean end only; what does not match its digest is dropped.
Nothing here is ever loaded on this side.
"""

import contextlib
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from keras_matrix.errors import StoreError
from keras_matrix.records import locks
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.untrusted import UnreadableError, read_bounded

INDEX_FILE = "index.json"
ENTRIES_FOLDER = "entries"
ENTRY_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
"""Names of entries, and of the files in them."""
MAX_INDEX_BYTES = 16 * 2**20
"""The largest index that is read."""
MAX_CODE_FILE_BYTES = 32 * 2**20
"""The largest file of an entry that is kept."""
MAX_ENTRY_FILES = 16
"""Files of an entry; one with more is not kept."""
MAX_ENTRY_BYTES = 64 * 2**20
"""Bytes of all files of an entry."""
MAX_ENTRIES = 4000
"""Entries of one key."""
LOCK_FILE = ".lock"
MAX_WAIT_SECONDS = 30.0
"""How long to wait for another process that writes the same key."""
MAX_CLEAR_WAIT_SECONDS = 2.0
"""How long to wait for all processes that use a key which is to be removed."""
MAX_KEY_BYTES = 512 * 2**20
"""Bytes of all entries of one key."""
MAX_STORE_BYTES = 2 * 2**30
"""Bytes of all keys; beyond, the keys that were not used for longest are removed."""

FileDigests = dict[str, str]
"""File name to SHA-256."""


@dataclass(frozen=True)
class CompiledFor:
    """What code was compiled for; ``beside`` is a digest of all else that the script can read."""

    image: str
    digest: str
    cpu: str
    script: str
    script_sha256: str
    beside: str = ""

    @property
    def key(self) -> str:
        """The name of the folder that the code is kept in."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]


@dataclass(frozen=True)
class CompiledIndex:
    """What is kept under a key: the digests of its files, their size in bytes, the last use."""

    about: CompiledFor
    used: str
    entries: dict[str, FileDigests]
    size: int = 0


@dataclass(frozen=True)
class RestoredCode:
    """How many entries a cell was given, and which were damaged and left out.

    If the index itself is damaged, its file stands for all entries.
    """

    count: int
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompiledCode:
    """What code that a cell hands back was compiled for, and the kept entries found ``damaged``."""

    compiled_for: CompiledFor
    damaged: tuple[str, ...] = ()


class CompiledStore:
    """All compiled code that is kept, below one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, compiled_for: CompiledFor) -> bool:
        """Return whether any code is kept for ``compiled_for``."""
        index = _read_index(self._root / compiled_for.key)
        return index is not None and bool(index.entries)

    def restore(self, compiled_for: CompiledFor, target: Path) -> RestoredCode:
        """Copy what is kept into ``target``, each file checked.

        The key is locked meanwhile, so that no process removes it. If it cannot be locked in time,
        it is read nevertheless: what is removed while it is read counts as damaged.

        Raises:
            StoreError: ``target`` cannot be written.
        """
        folder = self._root / compiled_for.key
        if not os.path.lexists(folder / INDEX_FILE):
            return RestoredCode(0)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                stack.enter_context(locks.held_within(MAX_WAIT_SECONDS, folder / LOCK_FILE))
            return self._restore(folder, target)

    def _restore(self, folder: Path, target: Path) -> RestoredCode:
        index = _read_index(folder)
        if index is None:
            return RestoredCode(0, (INDEX_FILE,))
        damaged = []
        for entry, files in index.entries.items():
            try:
                contents = {
                    name: _checked(folder / ENTRIES_FOLDER / entry / name, digest)
                    for name, digest in files.items()
                }
            except UnreadableError:
                damaged.append(entry)
                continue
            _write_entry(target / entry, contents)
        with contextlib.suppress(OSError):
            os.utime(folder / INDEX_FILE)
        return RestoredCode(len(index.entries) - len(damaged), tuple(damaged))

    def keep(self, compiled_for: CompiledFor, source: Path, damaged: tuple[str, ...] = ()) -> int:
        """Keep what a cell compiled; return how many entries are new.

        ``damaged`` are entries to drop. What is not a folder of regular files is left out.

        Raises:
            StoreError: the folder cannot be written.
            OSError: the folder cannot be locked or read.
        """
        entries_made = _entries(source)
        first = next(entries_made, None)
        if first is None and not damaged:
            return 0
        folder = self._root / compiled_for.key
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"Cannot make {folder} ({error.strerror}); set KERAS_MATRIX_CACHE to a folder "
                "that can be written."
            ) from error
        with locks.held_within(MAX_WAIT_SECONDS, folder / LOCK_FILE):
            index = _read_index(folder) or CompiledIndex(about=compiled_for, used="", entries={})
            entries = {name: files for name, files in index.entries.items() if name not in damaged}
            sizes = {name: _size(folder / ENTRIES_FOLDER / name) for name in entries}
            total, new = sum(sizes.values()), 0
            for name, contents in itertools.chain([first] if first else (), entries_made):
                size = sum(map(len, contents.values()))
                grown = total - sizes.get(name, 0) + size
                full = name not in entries and len(entries) >= MAX_ENTRIES
                if full or grown > MAX_KEY_BYTES:
                    continue
                shutil.rmtree(folder / ENTRIES_FOLDER / name, ignore_errors=True)
                _write_entry(folder / ENTRIES_FOLDER / name, contents)
                new += name not in entries
                entries[name] = {
                    file: hashlib.sha256(content).hexdigest() for file, content in contents.items()
                }
                sizes[name], total = size, grown
            now = datetime.now(timezone.utc).isoformat(timespec="seconds")
            kept = replace(index, used=now, entries=entries, size=total)
            write_atomically(folder / INDEX_FILE, to_json(kept))
        self._shrink(compiled_for.key)
        return new

    def kept(self) -> tuple[tuple[str, CompiledIndex], ...]:
        """Return every key with its index, the last used first."""
        if not os.path.isdir(self._root):
            return ()
        keys = []
        for folder in self._root.iterdir():
            index = _read_index(folder)
            if index is not None:
                keys.append(((folder / INDEX_FILE).stat().st_mtime, folder.name, index))
        return tuple((key, index) for _, key, index in sorted(keys, key=lambda entry: -entry[0]))

    def clear(self) -> tuple[int, int]:
        """Remove all keys but those in use; return how many were removed, and how many were left.

        Raises:
            StoreError: a key cannot be removed.
        """
        end = time.monotonic() + MAX_CLEAR_WAIT_SECONDS
        keys = [path for path in self._root.glob("*") if path.is_dir()]
        removed = sum(_remove(path, max(0.0, end - time.monotonic())) for path in keys)
        return removed, len(keys) - removed

    def _shrink(self, besides: str) -> None:
        total = 0
        for key, index in self.kept():
            total += index.size
            if total > MAX_STORE_BYTES and key != besides:
                _remove(self._root / key, 0.0)


def _remove(folder: Path, seconds: float) -> bool:
    """Remove a key; return False, after so many seconds, if a process uses it."""
    try:
        with locks.held_within(seconds, folder / LOCK_FILE):
            shutil.rmtree(folder)
    except TimeoutError:
        return False
    except OSError as error:
        raise StoreError(
            f"Cannot remove {folder} ({error.strerror}); check its permissions."
        ) from error
    return True


def _read_index(folder: Path) -> CompiledIndex | None:
    try:
        index = msgspec.json.decode(
            read_bounded(folder / INDEX_FILE, MAX_INDEX_BYTES), type=CompiledIndex
        )
        datetime.fromisoformat(index.used).astimezone()
    except (UnreadableError, msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        # There is no index, or none that can be trusted.
        return None
    return index if all(map(ENTRY_NAME.fullmatch, index.entries)) else None


def _size(folder: Path) -> int:
    try:
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    except OSError:
        return 0


def _checked(path: Path, digest: str) -> bytes:
    if not (ENTRY_NAME.fullmatch(path.name) and ENTRY_NAME.fullmatch(path.parent.name)):
        raise UnreadableError(f"{path.name} is not a name")
    content = read_bounded(path, MAX_CODE_FILE_BYTES)
    if hashlib.sha256(content).hexdigest() != digest:
        raise UnreadableError(f"{path.name} is not what was kept")
    return content


def _entries(source: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the entries of a folder that a cell wrote, with the contents of their files."""
    if not source.is_dir() or source.is_symlink():
        return
    for entry in sorted(os.scandir(source), key=lambda entry: entry.name)[:MAX_ENTRIES]:
        if not ENTRY_NAME.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
            continue
        names = sorted(os.listdir(entry.path))
        if not names or len(names) > MAX_ENTRY_FILES or not all(map(ENTRY_NAME.fullmatch, names)):
            continue
        contents: dict[str, bytes] = {}
        left = MAX_ENTRY_BYTES
        try:
            for name in names:
                contents[name] = read_bounded(
                    source / entry.name / name, min(MAX_CODE_FILE_BYTES, left)
                )
                left -= len(contents[name])
        except UnreadableError:
            # Not a regular file, or too large: nothing that a compiler made.
            continue
        yield entry.name, contents


def _write_entry(folder: Path, contents: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, mode=0o755)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o644)
    except OSError as error:
        raise StoreError(
            f"Cannot write {folder} ({error.strerror}); check the folder's permissions and space."
        ) from error
