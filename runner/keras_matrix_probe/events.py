"""The event stream: one JSON object a line, flushed at once so that a killed cell keeps it."""

import json
import math
import os
import threading
from typing import Any, Dict

from .contract import EVENTS_FILE


def plain(value: Any) -> Any:
    """Convert ``value`` to what strict JSON can hold.

    NumPy scalars become Python numbers; NaN and the infinities become the strings ``nan``,
    ``inf`` and ``-inf`` (which ``float`` reads back), since JSON cannot express them.
    """
    if isinstance(value, str):
        # UTF-8 cannot encode a lone surrogate, as in names of undecodable files.
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, (bool, int)) or value is None:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return plain(value.item())
    return str(value)


class EventStream:
    """Append-only writer of the event stream; safe to call from several threads.

    No event follows ``end``: what exit handlers and threads do after it is not recorded.
    """

    def __init__(self, folder: str) -> None:
        self._lock = threading.Lock()
        self._ended = False
        path = os.path.join(folder, EVENTS_FILE)
        # Append: nothing that the script writes there is overwritten and thereby hidden.
        self._file = open(path, "a", encoding="utf-8")

    def emit(self, event: str, **fields: Any) -> None:
        """Write one event; ``fields`` are converted to plain values first."""
        body: Dict[str, Any] = {"event": event}
        body.update(fields)
        line = json.dumps(plain(body), allow_nan=False)
        with self._lock:
            if not self._ended:
                self._ended = event == "end"
                self._file.write(line + "\n")
                self._file.flush()
