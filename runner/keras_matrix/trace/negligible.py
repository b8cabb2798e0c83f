"""Differences that are too small to matter, however far beyond rounding they are. Pure."""

from typing import Any

import numpy

from keras_matrix.trace.distance import Distance
from keras_matrix.trace.dump import Capture, Node
from keras_matrix.trace.judge import node_of_weight
from keras_matrix.trace.measure import Measurements

UPDATES = 1e6
"""Updates in which a difference must be able to change a weight by one unit in the last place."""
DEFAULT_EPSILON = 1e-7
"""What Keras's optimizers add to the root of the mean square, if nothing else is configured."""
MIN_DIVISOR = 1e-10
"""The least that a gradient is taken to be divided by."""
PROBABILITIES = ("sigmoid", "softmax")
"""Activations whose outputs are probabilities."""


class Negligible:
    """Tells which differences of gradients and of predictions nobody could ever notice.

    ``epsilon`` is the unit in the last place of 1 in the model's numbers. An update moves a weight
    by at most ``gain`` times its gradient: by the learning rate, or for adaptive optimizers and
    those of the user by the learning rate divided by epsilon.
    """

    def __init__(self, capture: Capture, measurements: Measurements, epsilon: float) -> None:
        self._capture = capture
        self._epsilon = epsilon
        single = epsilon >= float(numpy.finfo(numpy.float32).eps)
        self._smallest = float(numpy.finfo(numpy.float32 if single else numpy.float64).tiny)
        self._gain = _gain(capture.model.optimizer if capture.model is not None else None)
        self._sizes = {
            name: measurement.distance.scale
            for (what, name, _), measurement in measurements.items()
            if what == "weight"
        }

    def underflow(self, distance: Distance) -> bool:
        """Tell whether arrays differ by so little that some processors round it to 0."""
        return distance.same_shape and not distance.odd and distance.maximum < self._smallest

    def gradient(self, weight: str, distance: Distance) -> bool:
        """Tell whether gradients by a weight differ by nothing that could change the weight."""
        if not distance.same_shape or distance.odd:
            return False
        # Whatever a weight adds to is no more exact than the largest weight of its layer.
        node = node_of_weight(self._capture, weight)
        names = node.weights if node is not None else [weight]
        size = max((self._sizes.get(name, 0.0) for name in names), default=0.0)
        return distance.maximum * self._gain * UPDATES < self._epsilon * size

    def prediction(self, node: Node | None, distance: Distance) -> bool:
        """Tell whether outputs are probabilities that differ by less than 1 can be told from 1.

        What a logarithm makes of them, as a loss, is another array.
        """
        if node is None or not distance.same_shape or distance.odd:
            return False
        probable = node.kind == "Softmax" or node.config.get("activation") in PROBABILITIES
        return node.own and probable and distance.maximum < self._epsilon


def _gain(optimizer: Any) -> float:
    """Return the most that an optimizer moves a weight by, as a multiple of its gradient."""
    known: dict[str, Any] = optimizer if isinstance(optimizer, dict) else {}
    config: dict[str, Any] = known.get("config") or {}
    rate = _number(config.get("learning_rate", config.get("lr")), 1.0)
    if known.get("own") and known.get("kind") == "SGD":
        return rate / max(MIN_DIVISOR, 1.0 - _number(config.get("momentum"), 0.0))
    return rate / max(MIN_DIVISOR, _number(config.get("epsilon"), DEFAULT_EPSILON))


def _number(value: Any, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise
