"""What the host knows of backends. Pure.

Causes of differences between them are in ``trace/explain``; what a cell needs to know of a backend
is in the probe's own ``backends``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backend:
    """A backend: its name in ``keras.json``, and the distributions whose version identifies it."""

    name: str
    distributions: tuple[str, ...]


BACKENDS = (
    Backend("tensorflow", distributions=("tensorflow", "tensorflow-cpu")),
    Backend("theano", distributions=("theano",)),
    Backend("jax", distributions=("jax",)),
    Backend("torch", distributions=("torch",)),
)
"""The backends of the shipped images; a catalog may name others."""
