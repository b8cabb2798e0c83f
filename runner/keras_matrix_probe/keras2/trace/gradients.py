"""Symbolic gradients within a graph; None where nothing connects."""

from typing import Any, Sequence

from ... import backends
from ...backends.base import Gradients


def of_loss(backend: Any, loss: Any, tensors: Sequence[Any]) -> Gradients:
    """Return the gradients of a scalar by tensors.

    Raises:
        NotImplementedError: the backend is not known well enough.
    """
    return backends.named(backend.backend()).gradients(loss, tensors) if tensors else []


def through(
    backend: Any,
    outputs: Sequence[Any],
    upstream: Sequence[Any],
    inputs: Sequence[Any],
    weights: Sequence[Any],
) -> Gradients:
    """Return what arrives at a layer's inputs and weights of the gradients by its outputs.

    What the inputs depend on among themselves does not count.

    Raises:
        NotImplementedError: the backend is not known well enough.
    """
    tensors = [*inputs, *weights]
    if not tensors or not outputs:
        return []
    loaded = backends.named(backend.backend())
    return loaded.gradients_through(outputs, upstream, inputs, tensors)
