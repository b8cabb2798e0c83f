"""What is reported of a script's failure: its place, its own part of the traceback, a hint."""

import os
import re
import socket
import traceback
import urllib.error
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .contract import EndStatus

MAX_TRACEBACK = 20000
"""Characters."""
MAX_MESSAGE = 20000
"""Characters."""
MAX_KIND = 200
"""Characters of a failure's class name."""

NETWORK_FAILURES = (urllib.error.URLError, socket.gaierror, ConnectionError)
NO_NETWORK = (
    "a cell has no network: put the file beside the script, or into the folder given with --data"
)
NEWER_NUMPY = "the file was written by a newer NumPy: write it with one that is older than 2.0"
NO_MODULE = (
    "the image does not hold it: put it beside the script, or make an image of your own "
    "(docs/how-to/own-image.md)"
)

Place = Tuple[str, Optional[int]]
"""A file's path and a line in it."""

_PROBE_FRAMES = re.compile(
    r'^ *File "(?:%s[^"]*|[^"]*[/<]runpy(?:\.py|>))", line \d+, in .*\n(?:(?! *File ") +.*\n)*'
    % re.escape(os.path.dirname(os.path.abspath(__file__)) + os.sep),
    re.MULTILINE,
)
"""Frames of the probe, and of ``runpy``, in a traceback."""


def unsupported(message: str) -> Dict[str, Any]:
    """Return the fields of the ``end`` event for a request that the probe cannot fulfil here."""
    error = {
        "kind": "Unsupported",
        "message": message,
        "traceback": "",
        "file": None,
        "line": None,
    }
    return {"status": EndStatus.UNSUPPORTED.value, "exit_code": 1, "error": error}


class MissingDataSetError(Exception):
    """A file is not in the cache of data sets, and a cell has no network to fetch it from."""


def describe(failure: BaseException, script: str) -> Dict[str, Any]:
    """Return the ``error`` of the ``end`` event for the script at that path.

    ``file`` and ``line`` are the deepest place in the script's file, or else in a module beside it;
    ``deepest`` is a deeper place in such a module.
    """
    folder = os.path.dirname(script)
    frames = traceback.extract_tb(failure.__traceback__)
    inside = [index for index, frame in enumerate(frames) if _within(frame.filename, folder)]
    kept = frames[inside[0] :] if inside else []
    places: List[Place] = [(frames[index].filename, frames[index].lineno) for index in inside]
    if isinstance(failure, SyntaxError) and _within(failure.filename or "", folder):
        places.append((failure.filename or "", failure.lineno))
    own = [place for place in places if place[0] == script] or places
    deepest = places[-1] if places and places[-1] != own[-1] else None
    lines = ["Traceback (most recent call last):\n"] if kept else []
    lines += traceback.format_list(kept)
    lines += traceback.format_exception_only(type(failure), failure)
    text = _PROBE_FRAMES.sub("", "".join(lines)).replace(folder + os.sep, "")
    return {
        "kind": type(failure).__name__[:MAX_KIND],
        "message": _PROBE_FRAMES.sub("", message(failure))[:MAX_MESSAGE],
        "traceback": text[-MAX_TRACEBACK:],
        "file": _shown(own[-1][0], folder) if own else None,
        "line": own[-1][1] if own else None,
        "deepest": {"file": _shown(deepest[0], folder), "line": deepest[1]} if deepest else None,
        "hint": hint(failure),
    }


def message(failure: BaseException) -> str:
    """Return a failure's own text."""
    # The text of a syntax error repeats the place, which the event has already.
    try:
        return str(failure.msg if isinstance(failure, SyntaxError) else failure)
    except BaseException as other:  # a script's own class may fail here, too
        return "its message cannot be shown: %s" % type(other).__name__


def chain(failure: BaseException) -> Iterator[BaseException]:
    """Yield a failure and its causes, back to the first one."""
    seen: List[BaseException] = []
    link: Optional[BaseException] = failure
    while link is not None and not any(link is other for other in seen):
        seen.append(link)
        yield link
        link = link.__context__ if link.__cause__ is None else link.__cause__


def hint(failure: BaseException) -> str:
    """Return advice on a failure that is typical of cells; empty for others."""
    if any(isinstance(link, NETWORK_FAILURES) and not _is_pipe(link) for link in chain(failure)):
        return NO_NETWORK
    if by_newer_numpy(failure):
        return NEWER_NUMPY
    return NO_MODULE if isinstance(failure, ModuleNotFoundError) and failure.name else ""


def by_newer_numpy(failure: BaseException) -> bool:
    """Tell whether it is unpickling a file, not an import statement, that lacks a NumPy module."""
    if not isinstance(failure, ModuleNotFoundError):
        return False
    if not str(failure.name).startswith("numpy._core"):
        return False
    frames = traceback.extract_tb(failure.__traceback__)
    return not frames or "import" not in (frames[-1].line or "")


def _is_pipe(failure: BaseException) -> bool:
    # Not of the network: the script has started another process.
    return isinstance(failure, BrokenPipeError)


def _within(filename: str, folder: str) -> bool:
    return filename.startswith(folder + os.sep)


def _shown(filename: str, folder: str) -> str:
    return os.path.relpath(filename, folder)
