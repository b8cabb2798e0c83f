"""Where what may be lost is kept between runs."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "KERAS_MATRIX_CACHE"
COMPILED = "compiled"
REPLICATES = "replicates"
LOCKS = "locks"


def root() -> Path:
    """Return the folder: the one that ``KERAS_MATRIX_CACHE`` names, else the user's own."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).resolve() if named else platformdirs.user_cache_path("keras-matrix")
