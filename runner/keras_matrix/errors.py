"""Everything that can go wrong for a reason a user can act on, each with its exit code.

A message is one sentence that names the cause and the remedy.
"""

import errno
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process's exit status means."""

    AGREE = 0
    DIFFER = 1
    USAGE = 2
    CELL_FAILED = 3
    NOTHING_SELECTED = 4
    NO_ENGINE = 5
    IMAGE = 6
    INCONCLUSIVE = 7
    REGRESSED = 8
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class KerasMatrixError(Exception):
    """Base of all errors that end the command with one sentence."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ConfigurationError(KerasMatrixError):
    """Wrong usage, or a file that a user writes is wrong."""

    exit_code = ExitCode.USAGE


class NothingSelectedError(KerasMatrixError):
    """The selection is empty: there is nothing to run or to compare."""

    exit_code = ExitCode.NOTHING_SELECTED


class EngineError(KerasMatrixError):
    """The container engine cannot be reached, or refused."""

    exit_code = ExitCode.NO_ENGINE


class ImageError(KerasMatrixError):
    """An image or its base cannot be had or does not hold what it should."""

    exit_code = ExitCode.IMAGE


class StoreError(KerasMatrixError):
    """A run folder is unreadable, inconsistent or not writable."""

    exit_code = ExitCode.USAGE


DISK = frozenset({errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS})
"""What the system says where a disk is full, failing or not to be written."""


def of_disk(error: OSError) -> StoreError | None:
    """Return what a user is told of an error of the disk; None if it is none."""
    if error.errno not in DISK:
        return None
    what = error.filename or "all of the output"
    return StoreError(
        f"Cannot write {what} ({error.strerror}); check the folder's permissions and space."
    )


class DamagedError(StoreError):
    """A file of a run is not as it was written, or not where it belongs.

    ``cause`` is the sentence without the remedy.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}; {remedy}")
        self.cause = cause


class OtherSchemaError(DamagedError):
    """Another version of the tool wrote a file of a run."""


class HistoryError(StoreError):
    """The history of runs cannot be read or written, or lacks what is asked of it."""


class ExportError(KerasMatrixError):
    """Another tool did not take what was sent to it."""


class InterruptedRunError(KerasMatrixError):
    """The user, or the system, asked to stop."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRunError(InterruptedRunError):
    """SIGTERM arrived."""

    exit_code = ExitCode.TERMINATED


class HungUpRunError(InterruptedRunError):
    """SIGHUP arrived: the terminal was closed."""

    exit_code = ExitCode.HUNG_UP
