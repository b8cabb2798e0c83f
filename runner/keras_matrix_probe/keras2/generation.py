"""What the probe does under Keras 2: all of it is installed before the script runs."""

from typing import Any, List, Optional

from ..arrays import ArrayStore
from ..events import EventStream
from ..process.compiled import CompileClock
from . import data_sets, masks, paired
from .caps import Caps
from .hooks import Recorder
from .trace.tracer import Tracer

SUPPORTED = paired.KERAS_VERSIONS
"""Beginnings of the versions that pairing and tracing are written for."""
MAX_NAMES_LENGTH = 2000
"""Characters of all names in a note."""


class Keras2:
    """The parts of a cell that depend on the generation of Keras.

    ``stream`` receives their events. Methods are called in the order that they are written in.
    """

    def __init__(self, keras: Any, stream: EventStream) -> None:
        self._keras = keras
        self._stream = stream
        self._tracer: Optional[Tracer] = None
        self._pairing: Optional[paired.Pairing] = None
        self._recorder: Optional[Recorder] = None

    def unsupported(self, *, pairs: bool, traces: bool) -> str:
        """Return a sentence on what is requested and not supported here; empty if all is."""
        version = str(self._keras.__version__)
        requests = ["pair first weights"] * pairs + ["trace"] * traces
        if not requests or version.startswith(SUPPORTED):
            return ""
        return (
            "keras-matrix can %s under Keras 2.2 and 2.3 only, and this is Keras %s; leave it out, "
            "or run on another image" % (" and ".join(requests), version)
        )

    def explain(self, failure: BaseException) -> str:
        """Return a sentence on what a script uses that this Keras lacks; empty for others."""
        return ""

    def install_data_sets(self, scratch: str) -> None:
        """Let ``keras.datasets`` find the data sets that are mounted."""
        data_sets.install(self._keras, scratch, lambda text: self._stream.emit("note", text=text))

    def trace(self, requests: str, output: str, repeat: int) -> None:
        """Capture the first model that the script trains, as the folder ``requests`` says."""
        self._tracer = Tracer(self._keras, requests, output, repeat)
        if not self._tracer.tries:
            self._tracer.install()

    def pair(self, seed: int) -> None:
        """Draw first weights from NumPy, the same on every backend."""
        self._pairing = paired.install(self._keras, seed)

    def run_trials(self) -> bool:
        """Try other scripts instead of the cell's own, if that is requested; tell whether it is."""
        if self._tracer is None or self._pairing is None or not self._tracer.tries:
            return False
        self._tracer.run_trials(self._pairing)
        return True

    def record(self, output: str, workspace: str, caps: Caps, clock: CompileClock) -> None:
        """Record the models and training calls of the script; last, around all else."""
        draws = self._pairing.own if self._pairing is not None else None
        self._recorder = Recorder(self._stream, ArrayStore(output), workspace, caps, clock, draws)
        self._recorder.install(self._keras)

    def finish(self) -> None:
        """Record what is known only once the script has ended."""
        if self._recorder is not None:
            self._recorder.finish()
        if self._tracer is not None:
            self._tracer.finish()
        if self._pairing is not None:
            self._note_what_is_not_paired(self._pairing.not_paired)

    def _note_what_is_not_paired(self, not_paired: List[str]) -> None:
        if not_paired:
            names = ", ".join(not_paired)[:MAX_NAMES_LENGTH]
            self._stream.emit("note", text="Weights that are not paired: %s." % names)
        trained = self._recorder.trained if self._recorder is not None else []
        drawing = masks.drawing_layers(self._keras.layers, trained)
        if drawing:
            self._stream.emit("note", text=masks.note(drawing))
