"""Run the user's script as ``python script.py`` would, and return how it ended."""

import os
import runpy
import sys
from typing import Any, Callable, Dict, List

from .bound import bound_to
from .contract import EndStatus
from .failures import MAX_MESSAGE, MissingDataSetError, by_newer_numpy, describe


def run(
    path: str,
    arguments: List[str],
    backend: str,
    explain: Callable[[BaseException], str] = lambda failure: "",
) -> Dict[str, Any]:
    """Run the script at ``path``; return status, exit code and error for the ``end`` event.

    ``explain`` returns a sentence on a failure that is this Keras's, and an empty text for others.
    """
    folder = os.path.dirname(path)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [os.path.basename(path), *arguments]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as stop:
        code = _exit_code(stop.code)
        if code == 0:
            return {"status": EndStatus.OK.value, "exit_code": 0, "error": None}
        if isinstance(stop.code, str):
            flush()
            write(stop.code + "\n")
        error = describe(stop, path)
        bound = bound_to(stop, backend)
        if bound is not None:
            return _bound(bound, error)
        error["message"] = ("the script exited with status %s" % (stop.code,))[:MAX_MESSAGE]
        return {"status": EndStatus.EXIT.value, "exit_code": code, "error": error}
    except MemoryError as failure:
        return _failed(EndStatus.MEMORY, failure, path)
    except MissingDataSetError as failure:
        return _failed(EndStatus.DATA, failure, path)
    except BaseException as failure:  # the script's own: whatever it raises is a result
        lacking = explain(failure)
        if lacking:
            error = _failed(EndStatus.UNSUPPORTED, failure, path)["error"]
            return _explained(EndStatus.UNSUPPORTED, lacking, error)
        bound = bound_to(failure, backend)
        if bound is not None:
            return _bound(bound, _failed(EndStatus.BOUND, failure, path)["error"])
        of_import = isinstance(failure, ImportError) and not by_newer_numpy(failure)
        return _failed(EndStatus.IMPORT if of_import else EndStatus.ERROR, failure, path)
    return {"status": EndStatus.OK.value, "exit_code": 0, "error": None}


def flush() -> None:
    """Flush what was printed; a script may have closed or replaced its streams."""
    streams: List[Any] = [sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__]
    for stream in streams:
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue


def write(text: str) -> None:
    """Write to standard error what Python itself would have written."""
    try:
        sys.stderr.write(text)
    except (AttributeError, OSError, ValueError):
        return
    flush()


def _bound(bound: str, error: Dict[str, Any]) -> Dict[str, Any]:
    return _explained(EndStatus.BOUND, "bound to %s: %s" % (bound, error["message"]), error)


def _explained(status: EndStatus, message: str, error: Dict[str, Any]) -> Dict[str, Any]:
    # No hint: what is missing belongs to another backend or Keras, and no image should get it.
    error = dict(error, message=message[:MAX_MESSAGE], hint="")
    return {"status": status.value, "exit_code": 1, "error": error}


def _failed(status: EndStatus, failure: BaseException, path: str) -> Dict[str, Any]:
    error = describe(failure, path)
    # Both go to one pipe, so what was printed before has to go first.
    flush()
    write(error["traceback"])
    return {"status": status.value, "exit_code": 1, "error": error}


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1
