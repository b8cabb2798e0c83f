"""Which runners are at work on a run: each claims its cells, and nobody else runs these meanwhile.

A claim is a file in the run's ``work`` folder and a lock that its runner holds: a lock ends with
the process that holds it, whatever ended that. Whoever is alone with a run removes what runners
that died have left in it: folders of cells, and files that were not written to their end.
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

CLAIM = ".claim"
LOCK = ".lock"
MAX_CLAIM = 64 * 2**20
HALF_WRITTEN = re.compile(r"\..+\.[a-z0-9_]{8}")
"""Names of files that were being written, and not yet renamed, when a runner was killed."""
WRITTEN = ("records", "logs", "arrays", "script", "scripts")
"""The run's folders that only a runner with a claim writes to."""


@dataclass(frozen=True)
class Claim:
    """The cells that a runner is to run, by their ids, and where it is."""

    host: str
    pid: int
    cells: tuple[str, ...]


@contextmanager
def claimed(run: RunFolder, cells: Sequence[Cell]) -> Iterator[bool]:
    """Claim cells while the block runs; lend whether nobody else is at work on the run.

    Raises:
        ConfigurationError: another runner that lives has claimed one of them.
        StoreError: the run's folder cannot be written.
    """
    token = secrets.token_hex(4)
    lock = locks.lock_of(run.work / f"{token}{LOCK}")
    try:
        with run.locked():
            others = _others(run)
            if not others:
                _remove_leftovers(run)
            _refuse(run, cells, others)
            _claim(run, token, lock, cells)
        yield not others
    finally:
        # What cannot be removed now is removed by whoever goes on with the run.
        with contextlib.suppress(StoreError):
            _release(run, token, lock)


def _others(run: RunFolder) -> list[tuple[Claim, str]]:
    """Return the claims of host processes that live; and what to do if one only seems to."""
    found = []
    for path in sorted(run.work.glob(f"*{LOCK}")):
        lock = locks.lock_of(path)
        try:
            free = locks.attempt(lock)
        except OSError as error:
            raise _unwritable(run, error) from error
        if free:
            lock.release()
            continue
        with contextlib.suppress(UnreadableError, msgspec.MsgspecError):
            content = read_bounded(path.with_suffix(CLAIM), MAX_CLAIM)
            claim = msgspec.json.decode(content, type=Claim)
            found.append((claim, locks.remedy_if_soft(lock)))
    return found


def _refuse(run: RunFolder, cells: Sequence[Cell], others: Sequence[tuple[Claim, str]]) -> None:
    wanted = {cell.id for cell in cells}
    for other, remedy in others:
        if wanted & set(other.cells):
            text = (
                f"Another keras-matrix (process {other.pid} on {other.host}) is at work on these "
                f"cells of {run.path}; wait for its end, or choose another name with --run"
            )
            raise ConfigurationError("; ".join(part for part in (text, remedy) if part) + ".")


def _claim(run: RunFolder, token: str, lock: Lock, cells: Sequence[Cell]) -> None:
    claim = Claim(platform.node(), os.getpid(), tuple(cell.id for cell in cells))
    try:
        run.work.mkdir(exist_ok=True)
        # The lock goes first: a claim without one is nobody's.
        locks.attempt(lock)
    except OSError as error:
        raise _unwritable(run, error) from error
    write_atomically(run.work / f"{token}{CLAIM}", to_json(claim))


def _unwritable(run: RunFolder, error: OSError) -> StoreError:
    return StoreError(
        f"Cannot write {run.work} ({error.strerror}); check the folder's permissions and space."
    )


def _release(run: RunFolder, token: str, lock: Lock) -> None:
    lock.release()
    with run.locked():
        # Its files are leftovers like any other, unless another runner keeps these.
        with contextlib.suppress(OSError):
            (run.work / f"{token}{CLAIM}").unlink()
            (run.work / f"{token}{LOCK}").unlink()
        if not _others(run):
            _remove_leftovers(run)


def _remove_leftovers(run: RunFolder) -> None:
    """Remove what runners that died have left; of those that live there is nothing."""
    half_written = list(run.path.glob(f".{MANIFEST_FILE}.*"))
    for name in WRITTEN:
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
