"""What is known of backends: one module each, chosen by a table.

In: the name that ``keras.backend.backend()`` returns. Out: a ``Backend``, whose methods the
rest of the probe calls. Nothing else in the probe names a backend. A backend's own package is
imported only by its own methods, and only once Keras has loaded it.
"""

from typing import Any, Dict

from .base import Backend
from .jax import Jax
from .tensorflow import TensorFlow
from .theano import Theano
from .torch import Torch

BACKENDS: Dict[str, Backend] = {
    backend.name: backend for backend in (TensorFlow(), Theano(), Jax(), Torch())
}
"""Backends that need something of the probe, by name."""

PACKAGES: Dict[str, str] = {
    "tensorflow": "tensorflow",
    "theano": "theano",
    "cntk": "cntk",
    "mxnet": "mxnet",
    "plaidml": "plaidml",
    "torch": "torch",
    "jax": "jax",
}
"""Top-level package to the backend it belongs to, those without a module here included."""

NAMES: Dict[str, str] = dict(PACKAGES, tf="tensorflow", pytorch="torch")
"""What a text may call a backend, to the backend's name."""


def named(name: str) -> Backend:
    """Return the backend of a name; one that needs nothing where the table has none."""
    return BACKENDS.get(name) or Backend(name)


def of(keras: Any) -> Backend:
    """Return the backend that Keras has loaded."""
    return named(str(keras.backend.backend()))
