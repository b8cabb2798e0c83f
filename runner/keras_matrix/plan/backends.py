"""What the host knows of backends. Pure.

Causes of differences between them are in ``trace/explain``; what a cell needs to know of a backend
is in the probe's own ``backends``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backend:
    """A backend: its name in ``keras.json``, and the distribution whose version identifies it."""

    name: str
    distribution: str


BACKENDS = (
    Backend("tensorflow", distribution="tensorflow"),
    Backend("theano", distribution="theano"),
)
"""The backends of the shipped images; a catalog may name others."""
