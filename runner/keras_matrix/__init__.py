"""keras-matrix: run a Keras script, unchanged, on a matrix of backends and say what differs."""

__version__ = "0.1.0"
