"""What the probe does under Keras 3: all of it is installed before the script runs."""

import functools
from typing import Any, Optional

from ..arrays import ArrayStore
from ..events import EventStream
from ..keras2.caps import Caps
from ..keras2.generation import Keras2
from ..keras2.hooks import Recorder
from ..process.compiled import CompileClock
from . import gone, paired
from .metrics import MetricNames

IGNORED_DECAY = (
    "The script gives %s a decay, which Keras 3 ignores and Keras 2 does not: use a schedule of "
    "keras.optimizers.schedules."
)


class Keras3(Keras2):
    """The parts of a cell that Keras 3 does another way."""

    def __init__(self, keras: Any, stream: EventStream) -> None:
        super().__init__(keras, stream)
        self._draws: Optional[paired.Pairing3] = None

    def unsupported(self, *, pairs: bool, traces: bool) -> str:
        """Return a sentence on what is requested and not supported here; empty if all is."""
        if not traces:
            return ""
        return (
            "keras-matrix can trace under Keras 2.2 and 2.3 only, and this is Keras %s; compare "
            "runs with --init paired, or trace on another image" % self._keras.__version__
        )

    def explain(self, failure: BaseException) -> str:
        """Return a sentence on what a script uses that Keras 3 has no more; empty for others."""
        return gone.explain(failure, str(self._keras.__version__))

    def pair(self, seed: int) -> None:
        """Draw first weights and the order of samples from NumPy, the same on every backend."""
        self._draws = paired.install(self._keras, seed)

    def record(self, output: str, workspace: str, caps: Caps, clock: CompileClock) -> None:
        """Record the models and training calls of the script; last, around all else."""
        names = MetricNames()
        names.install(self._keras.Model)
        self._keras.config.set_backend = self._refuse_backend
        draws = self._draws.own if self._draws is not None else None
        self._recorder = Recorder(
            self._stream, ArrayStore(output), workspace, caps, clock, draws, names.named
        )
        self._recorder.install(self._keras)
        self._note_decay(self._keras.optimizers.Optimizer)

    def finish(self) -> None:
        """Record what is known only once the script has ended."""
        super().finish()
        if self._draws is not None:
            self._note_what_is_not_paired(self._draws.not_paired)

    def _note_decay(self, optimizer_class: Any) -> None:
        """Note an argument that Keras 3 takes, warns of, and ignores."""
        original = optimizer_class.__init__

        @functools.wraps(original)
        def initialize(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            if kwargs.get("decay"):
                self._stream.emit("note", text=IGNORED_DECAY % type(optimizer).__name__)
            original(optimizer, *args, **kwargs)

        optimizer_class.__init__ = initialize

    def _refuse_backend(self, backend: str) -> None:
        if backend != self._keras.config.backend():
            raise RuntimeError("keras.config.set_backend: the script requires backend=%s" % backend)
