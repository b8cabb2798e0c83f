"""Run the user's script as ``python script.py`` would, and say how it ended."""

import os
import runpy
import sys
import traceback
from typing import Any, Dict, List, Optional

from .bound import bound_to
from .data_sets import MissingDataSetError

MAX_TRACEBACK = 20000
MAX_MESSAGE = 2000
MAX_NAME = 200


def run(path: str, arguments: List[str], backend: str) -> Dict[str, Any]:
    """Run the script at ``path``; return the ``end`` event's status, exit code and error."""
    folder = os.path.dirname(path)
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [os.path.basename(path), *arguments]
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as stop:
        code = _exit_code(stop.code)
        if code == 0:
            return {"status": "ok", "exit_code": 0, "error": None}
        if isinstance(stop.code, str):
            sys.stderr.write(stop.code + "\n")
        error = _describe(stop, folder)
        error["message"] = ("the script exited with status %s" % (stop.code,))[:MAX_MESSAGE]
        return {"status": "exit", "exit_code": code, "error": error}
    except MemoryError as failure:
        return _failed("memory", failure, folder)
    except MissingDataSetError as failure:
        return _failed("data", failure, folder)
    except BaseException as failure:  # the script's own: whatever it raises is a result
        bound = bound_to(failure, backend)
        if bound is not None:
            ended = _failed("bound", failure, folder)
            ended["error"]["message"] = "bound to %s: %s" % (bound, ended["error"]["message"])
            return ended
        return _failed("import" if isinstance(failure, ImportError) else "error", failure, folder)
    return {"status": "ok", "exit_code": 0, "error": None}


def _failed(status: str, failure: BaseException, folder: str) -> Dict[str, Any]:
    error = _describe(failure, folder)
    sys.stderr.write(error["traceback"])
    sys.stderr.flush()
    return {"status": status, "exit_code": 1, "error": error}


def _exit_code(code: Any) -> int:
    if code is None:
        return 0
    return code & 0xFF if isinstance(code, int) else 1


def _describe(failure: BaseException, folder: str) -> Dict[str, Any]:
    """Return kind, message, traceback and place of a failure, as the script's author sees it."""
    frames = traceback.extract_tb(failure.__traceback__)
    inside = [index for index, frame in enumerate(frames) if _within(frame.filename, folder)]
    kept = frames[inside[0] :] if inside else []
    line: Optional[int] = kept[max(inside) - inside[0]].lineno if inside else None
    file = kept[max(inside) - inside[0]].filename if inside else ""
    if isinstance(failure, SyntaxError) and _within(failure.filename or "", folder):
        line, file = failure.lineno, failure.filename or ""
    lines = ["Traceback (most recent call last):\n"] if kept else []
    lines += traceback.format_list(kept)
    lines += traceback.format_exception_only(type(failure), failure)
    text = "".join(lines).replace(folder + os.sep, "")
    return {
        "kind": type(failure).__name__[:MAX_NAME],
        "message": _message(failure)[:MAX_MESSAGE],
        "traceback": text[-MAX_TRACEBACK:],
        "file": os.path.relpath(file, folder) if file else None,
        "line": line,
    }


def _message(failure: BaseException) -> str:
    # A syntax error's own text repeats the place, which is told apart.
    try:
        return str(failure.msg if isinstance(failure, SyntaxError) else failure)
    except BaseException as other:  # the text is the script's own code, too
        return "its message cannot be told: %s" % type(other).__name__


def _within(filename: str, folder: str) -> bool:
    return filename.startswith(folder + os.sep)
