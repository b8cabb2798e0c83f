"""Which host processes work on a run: each claims its cells, which no other one runs meanwhile.

A claim is a file in the run's ``work`` folder, and a lock that its process holds: a lock ends with
the process, whatever ended that. A process that is alone with a run removes what killed processes
have left there: folders of cells, and files that were not written to their end.
"""

import contextlib
import os
import platform
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from keras_matrix.errors import ConfigurationError, StoreError
from keras_matrix.plan.cells import Cell
from keras_matrix.records import locks
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.folder import MANIFEST_FILE, RunFolder
from keras_matrix.records.locks import Lock
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.run.cell import folders

CLAIM_SUFFIX = ".claim"
LOCK_SUFFIX = ".lock"
MAX_CLAIM_BYTES = 64 * 2**20
"""The largest claim that is read: one of some million cells."""
HALF_WRITTEN = re.compile(r"\..+\.[a-z0-9_]{8}")
"""Names of files that were being written, and not yet renamed, when their process was killed."""
CLAIMED_FOLDERS = ("records", "logs", "arrays", "script", "scripts")
"""The run's folders that only a process with a claim writes to."""


@dataclass(frozen=True)
class ClaimedCells:
    """The cells that a process has claimed, by their ids, and where the process runs."""

    host: str
    pid: int
    cells: tuple[str, ...]


@contextmanager
def claimed(run: RunFolder, cells: Sequence[Cell]) -> Iterator[bool]:
    """Claim cells while the block runs; yield whether no other process works on the run.

    Raises:
        ConfigurationError: another process that lives has claimed one of the cells.
        StoreError: the run's folder cannot be written.
    """
    token = secrets.token_hex(4)
    lock = locks.lock_of(run.work / f"{token}{LOCK_SUFFIX}")
    try:
        with run.locked():
            others = _others(run)
            if not others:
                _remove_leftovers(run)
            _refuse(run, cells, others)
            _claim(run, token, lock, cells)
        yield not others
    finally:
        # What cannot be removed now is removed when the run is resumed.
        with contextlib.suppress(StoreError):
            _release(run, token, lock)


def _others(run: RunFolder) -> list[tuple[ClaimedCells, str]]:
    """Return the claims of processes that live, each with what to do if it only seems to live."""
    others = []
    for path in sorted(run.work.glob(f"*{LOCK_SUFFIX}")):
        lock = locks.lock_of(path)
        try:
            free = locks.attempt(lock)
        except OSError as error:
            raise _unwritable(run, error) from error
        if free:
            lock.release()
            continue
        with contextlib.suppress(UnreadableError, msgspec.MsgspecError):
            content = read_bounded(path.with_suffix(CLAIM_SUFFIX), MAX_CLAIM_BYTES)
            claim = msgspec.json.decode(content, type=ClaimedCells)
            others.append((claim, locks.remedy_if_soft(lock)))
    return others


def _refuse(
    run: RunFolder, cells: Sequence[Cell], others: Sequence[tuple[ClaimedCells, str]]
) -> None:
    """Raise if another process has claimed one of the cells."""
    ids = {cell.id for cell in cells}
    for other, remedy in others:
        if ids & set(other.cells):
            text = (
                f"Another keras-matrix (process {other.pid} on {other.host}) works on these cells "
                f"of {run.path}; wait until it ends, or choose another name with --run"
            )
            raise ConfigurationError("; ".join(part for part in (text, remedy) if part) + ".")


def _claim(run: RunFolder, token: str, lock: Lock, cells: Sequence[Cell]) -> None:
    claim = ClaimedCells(platform.node(), os.getpid(), tuple(cell.id for cell in cells))
    try:
        run.work.mkdir(exist_ok=True)
        # The lock goes first: a claim without a lock is void.
        locks.attempt(lock)
    except OSError as error:
        raise _unwritable(run, error) from error
    write_atomically(run.work / f"{token}{CLAIM_SUFFIX}", to_json(claim))


def _unwritable(run: RunFolder, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write {run.work} ({error.strerror}); check the folder's permissions and space."
    )


def _release(run: RunFolder, token: str, lock: Lock) -> None:
    lock.release()
    with run.locked():
        # These files are leftovers like any other, unless another process keeps those.
        with contextlib.suppress(OSError):
            (run.work / f"{token}{CLAIM_SUFFIX}").unlink()
            (run.work / f"{token}{LOCK_SUFFIX}").unlink()
        if not _others(run):
            _remove_leftovers(run)


def _remove_leftovers(run: RunFolder) -> None:
    """Remove what killed processes have left; no process that lives has files there."""
    half_written = list(run.path.glob(f".{MANIFEST_FILE}.*"))
    for name in CLAIMED_FOLDERS:
        half_written += (run.path / name).rglob(".*")
    try:
        for path in half_written:
            if HALF_WRITTEN.fullmatch(path.name):
                path.unlink(missing_ok=True)
        if run.work.exists():
            folders.remove(run.work)
    except OSError as error:
        raise StoreError(
            f"Cannot remove {error.filename} ({error.strerror}), which a run that was killed has "
            "left; check the folder's permissions."
        ) from error
