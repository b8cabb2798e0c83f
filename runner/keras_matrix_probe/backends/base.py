"""The protocol of a backend: what the probe asks of each."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from ..process.compiled import CompileClock

Gradients = List[Optional[Any]]
"""Tensors of gradients; None where nothing connects."""


class Backend:
    """A backend that needs nothing of the probe; each method may be overridden.

    To add a backend, override what differs in a module of its own, and add the class to the table.
    """

    name = ""
    variables: Tuple[str, ...] = ()
    """Environment variables that configure the backend, for the record."""
    turns_kernels = False
    """Whether its convolutions turn kernels around, against TensorFlow's convention."""
    folders_without_code: Tuple[str, ...] = ()
    """Folders beside those of compiled modules that hold none."""
    source_suffixes: Tuple[str, ...] = ()
    """Endings of files that are of no use once they are compiled."""

    def __init__(self, name: str = "") -> None:
        self.name = name or self.name

    def install(self, clock: "CompileClock") -> None:
        """Prepare the backend once it is imported, before the first replicate is forked.

        ``clock`` counts the modules that the backend compiles.
        """

    def read_compiled(self) -> None:
        """Make code that earlier cells compiled known to the backend; called in each replicate."""

    def seed(self, seed: int) -> None:
        """Seed the backend's own generator, where NumPy's does not seed it."""

    def set_precision(self, dtype: str) -> None:
        """Compute with floats of a dtype from now on, where Keras alone does not see to it."""

    def configuration(self) -> Dict[str, str]:
        """Return the backend's options that figures may depend on, for the record."""
        return {}

    def shuffle_by_numpy(self, adapters: Any, current: Callable[[Any, int], Any]) -> None:
        """Let ``fit`` take the order of samples from ``current``, where Keras's own code does not.

        ``adapters`` is Keras 3's ``ArrayDataAdapter``; ``current`` returns the order for one of
        them and its number of samples.
        """

    def function_options(self, outputs: int) -> Dict[str, Any]:
        """Return arguments to compile a ``keras.backend.function`` of so many outputs with."""
        return {}

    def gradients(self, loss: Any, tensors: Sequence[Any]) -> Gradients:
        """Return the gradients of a scalar by tensors of its graph.

        Raises:
            NotImplementedError: this backend has no graphs, or is not known well enough.
        """
        raise NotImplementedError("gradients under %s" % self.name)

    def gradients_through(
        self,
        outputs: Sequence[Any],
        upstream: Sequence[Any],
        inputs: Sequence[Any],
        tensors: Sequence[Any],
    ) -> Gradients:
        """Return what arrives at tensors of the gradients ``upstream`` by a layer's outputs.

        ``inputs`` are constants: what they depend on among themselves does not count.

        Raises:
            NotImplementedError: this backend has no graphs, or is not known well enough.
        """
        raise NotImplementedError("gradients under %s" % self.name)
