"""Everything that can go wrong for a reason that a user can act on, each with its exit code.

A message is one sentence that names the cause and the remedy::

    KerasMatrixError                    2
      ConfigurationError                2
      NothingSelectedError              4
      EngineError                       5
        EngineSilentError               5
          EngineHangsError              5
        ImageNotFoundError              5
        RegistryError                   5
        BuildFailedError                5
      ImageError                        6
      StoreError                        2
        DamagedError                    2
          OtherSchemaError              2
        HistoryError                    2
      ExportError                       2
      NoCaptureError                    3
      NotShownError                     9
      InterruptedRunError             130
        TerminatedRunError            143
        HungUpRunError                129

Exceptions that no user sees are defined where they are raised and caught.
"""

import errno
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """The exit statuses of the command, each with its meaning."""

    AGREE = 0
    DIFFER = 1
    USAGE = 2
    CELL_FAILED = 3
    NOTHING_SELECTED = 4
    NO_ENGINE = 5
    IMAGE = 6
    INCONCLUSIVE = 7
    REGRESSED = 8
    NOT_SHOWN = 9
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class KerasMatrixError(Exception):
    """Base of all errors that end a command with one sentence."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE


class ConfigurationError(KerasMatrixError):
    """Wrong usage, or a mistake in a file that a user wrote."""

    exit_code = ExitCode.USAGE


class NothingSelectedError(KerasMatrixError):
    """The selection is empty, so there is nothing to run or to compare."""

    exit_code = ExitCode.NOTHING_SELECTED


class EngineError(KerasMatrixError):
    """The container engine cannot be reached, or refused a request."""

    exit_code = ExitCode.NO_ENGINE


class EngineSilentError(EngineError):
    """The engine does not answer: it is down, hangs, or its connection was cut."""


class EngineHangsError(EngineSilentError):
    """The engine accepted a request and does not answer it in time."""


class ImageNotFoundError(EngineError):
    """The engine, or the registry that it asked, has no such image."""


class RegistryError(EngineError):
    """The registry cannot be reached, or refused a request."""


class BuildFailedError(EngineError):
    """A step of a Dockerfile failed."""


class ImageError(KerasMatrixError):
    """An image or its base is not available, or does not contain what it should."""

    exit_code = ExitCode.IMAGE


class StoreError(KerasMatrixError):
    """A run folder is unreadable, inconsistent or not writable."""

    exit_code = ExitCode.USAGE


DISK_ERRORS = frozenset(
    {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS}
)
"""Error numbers of a disk that is full, is failing or must not be written."""


def disk_error(error: OSError) -> StoreError | None:
    """Turn an error of the disk into one that a user can act on; None for any other error."""
    if error.errno not in DISK_ERRORS:
        return None
    path = error.filename or "all of the output"
    return StoreError(
        f"Cannot write {path} ({error.strerror}); check the folder's permissions and space."
    )


class DamagedError(StoreError):
    """A file of a run is not as it was written, or lies in the wrong place.

    ``cause`` is the sentence without the remedy.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f"{cause}; {remedy}")
        self.cause = cause


class OtherSchemaError(DamagedError):
    """A file of a run was written by another version of this tool."""


class HistoryError(StoreError):
    """The history of runs cannot be read or written, or does not hold what was requested."""


class ExportError(KerasMatrixError):
    """Another tool did not accept what was sent to it."""


class NoCaptureError(KerasMatrixError):
    """No image reached the first training call of a model, so a trace has nothing to compare."""

    exit_code = ExitCode.CELL_FAILED


class NotShownError(KerasMatrixError):
    """The script that was written of a model does not show the finding, so nothing is reduced."""

    exit_code = ExitCode.NOT_SHOWN


class InterruptedRunError(KerasMatrixError):
    """Ctrl-C was pressed: the run was stopped."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRunError(InterruptedRunError):
    """SIGTERM was received: the run was stopped."""

    exit_code = ExitCode.TERMINATED


class HungUpRunError(InterruptedRunError):
    """SIGHUP was received, as when a terminal is closed: the run was stopped."""

    exit_code = ExitCode.HUNG_UP
