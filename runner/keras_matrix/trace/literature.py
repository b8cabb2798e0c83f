"""Figures by which others tell backends apart, so that results can be compared with theirs. Pure.

D_MAD, D_CLASS and the rate of change are those of CRADLE (Pham, Lutellier, Qi and Tan, CRADLE:
cross-backend validation to detect and localize bugs in deep learning libraries, ICSE 2019,
sections IV and V).
"""

import msgspec
import numpy

from keras_matrix.trace.dump import Array, Capture, port
from keras_matrix.trace.measure import Measurements

TOP_K = 5
"""The first ranks that D_CLASS scores."""
RATE_EPSILON = 1e-7
"""What the rate of change adds to its denominator."""


class RateOfChange(msgspec.Struct, frozen=True):
    """A layer's mean absolute deviation between backends, and its rate of change."""

    node: str
    layer: str
    deviation: float
    rate: float


def rates_of_change(capture: Capture, measurements: Measurements, phase: str) -> list[RateOfChange]:
    """Compute the rate of change of each node, in the order of the model.

    R = (d - m) / (m + epsilon), where d is the layer's mean absolute deviation and m the largest
    deviation of the layers that feed it.
    """
    deviations: dict[str, float] = {}
    rates = []
    for node in capture.nodes:
        outputs = [("output", port(node.key, index), phase) for index in range(node.outputs)]
        means = [measurements[key].distance.mean for key in outputs if key in measurements]
        if not means:
            continue
        deviation = deviations[node.key] = max(means)
        before = max((deviations.get(key, 0.0) for key, _ in node.feeds), default=0.0)
        rate = (deviation - before) / (before + RATE_EPSILON)
        rates.append(RateOfChange(node.key, node.kind, deviation, rate))
    return rates


def d_mad(truth: Array, reference: Array, other: Array) -> float | None:
    """Compute D_MAD of two backends' outputs, 0 to 1; None where it is not defined.

    It is the difference of the two outputs' mean absolute deviations from the ground truth,
    divided by their sum.
    """
    try:
        truth = numpy.broadcast_to(truth, reference.shape)
    except ValueError:
        return None
    if reference.size == 0 or not all(
        bool(numpy.isfinite(array).all()) for array in (truth, reference, other)
    ):
        return None
    reference_mad = float(numpy.abs(reference - truth).mean())
    other_mad = float(numpy.abs(other - truth).mean())
    total = reference_mad + other_mad
    return abs(reference_mad - other_mad) / total if total > 0 else 0.0


def d_class(truth: Array, reference: Array, other: Array, top_k: int = TOP_K) -> float | None:
    """Compute the largest D_CLASS of a batch; None if the outputs are not classifications.

    A sample scores 2^(k - rank) on a backend that ranks its true class within the first k, else 0.
    """
    if reference.ndim != 2 or reference.shape[1] < 2 or not len(reference):
        return None
    classes = _classes(truth, reference.shape)
    if classes is None:
        return None
    scores = [_scores(classes, predicted, top_k) for predicted in (reference, other)]
    return float(numpy.abs(scores[0] - scores[1]).max())


def _classes(truth: Array, shape: tuple[int, ...]) -> Array | None:
    """Return each sample's true class, from one-hot rows or from class numbers."""
    if truth.shape == shape:
        one_hot_classes: Array = truth.argmax(axis=1)
        return one_hot_classes
    labels = truth.reshape(-1)
    if not bool(numpy.isfinite(labels).all()):
        return None
    if labels.shape != shape[:1] or not (labels == labels.astype(int)).all():
        return None
    labels = labels.astype(int)
    return labels if bool(((labels >= 0) & (labels < shape[1])).all()) else None


def _scores(classes: Array, predicted: Array, top_k: int) -> Array:
    order = numpy.argsort(-predicted, axis=1, kind="stable")
    ranks = (order == classes[:, None]).argmax(axis=1) + 1
    return numpy.where(ranks <= top_k, 2.0 ** (top_k - ranks), 0.0)


def targets(capture: Capture, index: int) -> Array | None:
    """Return the batch's targets for one of the model's outputs."""
    if capture.batch is None or index >= capture.batch.targets:
        return None
    return capture.array(("batch", str(capture.batch.inputs + index), "first"))
