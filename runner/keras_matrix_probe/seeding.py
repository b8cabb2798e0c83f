"""Seed every generator that a replicate draws from, before its script is loaded."""

import random
from typing import Any

import numpy

from . import backends


def seed_all(keras: Any, seed: int) -> None:
    """Seed ``random``, NumPy and the backend.

    Keras 3 seeds its backend by a function of its own.
    """
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    if int(str(keras.__version__).split(".")[0]) >= 3:
        keras.utils.set_random_seed(seed)
    else:
        backends.of(keras).seed(seed)
