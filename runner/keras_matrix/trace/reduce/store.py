"""The folder of a reduction: after each success it holds the smallest script so far."""

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy

from keras_matrix.errors import DamagedError, StoreError
from keras_matrix.records.files import to_json, write_atomically
from keras_matrix.records.untrusted import UnreadableError, read_bounded
from keras_matrix.text import brief
from keras_matrix.trace.reduce.model import Candidate, Recorded
from keras_matrix.trace.reduce.state import SCHEMA, Reduction, State
from keras_matrix.trace.reduce.writing import TracedScript, write

STATE_FILE = "state.json"
RESULT_FILE = "reduce.json"
SMALLEST = "reduced"
"""The name of the smallest script that shows the finding, without its suffix."""
AGREES = "agrees"
"""The name of the largest script that agrees."""
ARRAYS = "state"
MAX_STATE_BYTES = 256 * 2**20
MAX_ARRAYS_BYTES = 8 * 2**30
DIGEST_CHARACTERS = 8


class ReductionFolder:
    """The files of a reduction.

    Data lies beside scripts under a name that its content decides: a script and its data are never
    of two different steps.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> tuple[State, Candidate]:
        """Read the state, with the smallest candidate so far.

        Raises:
            StoreError: there is none, or it is damaged.
        """
        path = self.path / STATE_FILE
        if not path.exists():
            raise StoreError(
                f"{self.path} is not the folder of a reduction: it has no {STATE_FILE}; check the "
                "path, or begin without --resume."
            )
        try:
            state = msgspec.json.decode(read_bounded(path, MAX_STATE_BYTES), type=State)
            if state.schema != SCHEMA:
                raise StoreError(f"{path} was written by another version; begin anew.")
            content = read_bounded(self.path / Path(state.arrays).name, MAX_ARRAYS_BYTES)
            with numpy.load(io.BytesIO(content), allow_pickle=False) as stored:
                arrays = {name: Recorded(stored[name]) for name in stored.files}
        except (UnreadableError, msgspec.MsgspecError, ValueError, zipfile.BadZipFile) as error:
            raise DamagedError(
                f"{path} is damaged ({brief(str(error))})", "begin anew without --resume."
            ) from error
        return state, Candidate(state.model, arrays)

    def accept(
        self, state: State, tried: Candidate, smallest: Candidate, origin: TracedScript
    ) -> None:
        """Write the script that was tried, then the state from which a search goes on.

        Raises:
            StoreError: the folder cannot be written.
        """
        self.write_script(SMALLEST, tried, origin, title_of(state))
        state.model = smallest.model
        values: dict[str, Any] = {n: recorded.array for n, recorded in smallest.arrays.items()}
        state.arrays = self._write_data(ARRAYS, values)
        self.save(state)
        self._clean(ARRAYS, state.arrays)

    def save(self, state: State) -> None:
        """Write the state.

        Raises:
            StoreError: the folder cannot be written.
        """
        write_atomically(self.path / STATE_FILE, to_json(state))

    def write_script(
        self, name: str, candidate: Candidate, origin: TracedScript, title: str
    ) -> str:
        """Write a script with its data; return its text.

        Raises:
            StoreError: the folder cannot be written.
        """
        first = write(candidate, origin, title, "")
        data_file = ""
        if first.data:
            data_file = f"{name}-{_digest(first.data)}.npz"
            write_atomically(self.path / data_file, first.data)
        text = write(candidate, origin, title, data_file).text
        write_atomically(self.script(name), text.encode())
        self._clean(name, data_file)
        return text

    def script(self, name: str) -> Path:
        """Return the path of a script."""
        return self.path / f"{name}.py"

    def finish(self, reduction: Reduction) -> None:
        """Write the result.

        Raises:
            StoreError: the folder cannot be written.
        """
        write_atomically(self.path / RESULT_FILE, to_json(reduction))

    def _write_data(self, name: str, values: dict[str, Any]) -> str:
        file = io.BytesIO()
        numpy.savez_compressed(file, **values)
        path = f"{name}-{_digest(file.getvalue())}.npz"
        write_atomically(self.path / path, file.getvalue())
        return path

    def _clean(self, name: str, kept: str) -> None:
        for path in self.path.glob(f"{name}-*.npz"):
            if path.name != kept:
                path.unlink(missing_ok=True)


def title_of(state: State) -> str:
    """Return the first line of a script: what it shows."""
    target = state.target
    return f"{target.where}: {target.kind.value}, {target.what}; reduced from {state.file}."


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGEST_CHARACTERS]
