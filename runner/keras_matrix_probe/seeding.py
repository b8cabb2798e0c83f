"""Seed every generator that a replicate draws from, before its script is loaded."""

import random
from typing import Any

import numpy


def seed_all(keras: Any, seed: int) -> None:
    """Seed ``random``, NumPy and the backend.

    Theano needs no more than NumPy: Keras 2.3.1 draws the seed of each Theano random stream
    from NumPy (keras/backend/theano_backend.py, tag 2.3.1). TensorFlow 1 has a seed of its
    own for the default graph; Keras 3 seeds its backend through ``keras.utils``.
    """
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    backend = keras.backend.backend()
    if int(str(keras.__version__).split(".")[0]) >= 3:
        keras.utils.set_random_seed(seed)
    elif backend == "tensorflow":
        import tensorflow

        compat = getattr(tensorflow, "compat", None)
        (compat.v1 if compat is not None else tensorflow).set_random_seed(seed)
