"""Figures by which others tell backends apart, so that results can be set beside theirs. Pure.

D_MAD, D_CLASS and the rate of change are those of CRADLE (Pham, Lutellier, Qi and Tan, CRADLE:
cross-backend validation to detect and localize bugs in deep learning libraries, ICSE 2019,
sections IV and V).
"""

import msgspec
import numpy

from keras_matrix.trace.dump import Array, Bundle, port
from keras_matrix.trace.measure import Table

TOP_K = 5
EPSILON = 1e-7


class Rate(msgspec.Struct, frozen=True):
    """A layer's mean absolute deviation between backends, and its rate of change."""

    node: str
    layer: str
    deviation: float
    rate: float


def rates(bundle: Bundle, table: Table, phase: str) -> list[Rate]:
    """Return the rate of change of each node, in the order of the model.

    R = (d - m) / (m + epsilon), with d the layer's mean absolute deviation, m the largest of those
    that feed it.
    """
    found: dict[str, float] = {}
    listed = []
    for node in bundle.nodes:
        own = [table.get(("output", port(node.key, i), phase)) for i in range(node.outputs)]
        known = [measured.distance.mean for measured in own if measured is not None]
        if not known:
            continue
        found[node.key] = max(known)
        before = max((found.get(key, 0.0) for key, _ in node.feeds), default=0.0)
        rate = (found[node.key] - before) / (before + EPSILON)
        listed.append(Rate(node.key, node.kind, found[node.key], rate))
    return listed


def d_mad(truth: Array, reference: Array, other: Array) -> float | None:
    """Return D_MAD of two backends' outputs, 0 to 1; None where it is not defined.

    Each output's mean absolute deviation from the ground truth; the difference of both by their
    sum.
    """
    try:
        truth = numpy.broadcast_to(truth, reference.shape)
    except ValueError:
        return None
    if reference.size == 0 or not all(
        bool(numpy.isfinite(one).all()) for one in (truth, reference, other)
    ):
        return None
    one = float(numpy.abs(reference - truth).mean())
    two = float(numpy.abs(other - truth).mean())
    return abs(one - two) / (one + two) if one + two > 0 else 0.0


def d_class(truth: Array, reference: Array, other: Array, top_k: int = TOP_K) -> float | None:
    """Return the largest D_CLASS of a batch of classifications; None where they are none.

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
    if truth.shape == shape:
        found: Array = truth.argmax(axis=1)
        return found
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


def targets_of(bundle: Bundle, index: int) -> Array | None:
    """Return the batch's targets for one of the model's outputs."""
    if bundle.batch is None or index >= bundle.batch.targets:
        return None
    return bundle.array(("batch", str(bundle.batch.inputs + index), "first"))
