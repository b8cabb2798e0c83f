"""keras-matrix: run an unchanged Keras script on a matrix of backends, and report what differs."""

__version__ = "0.1.0"
