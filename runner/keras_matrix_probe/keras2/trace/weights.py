"""Weights by names, and in a convention, that are the same on all backends.

Theano's convolutions flip their kernels; see :mod:`..paired`. What leaves a cell is as TensorFlow
has it, and what comes into a cell is flipped again.
"""

from typing import Any, Dict, List, Sequence, Tuple

import numpy

from ..paired import FLIPPED, flipped
from .dump import Dump

Named = Tuple[str, Any]


def named(model: Any) -> List[Named]:
    """Return a model's weights, each once, named by layer and weight."""
    weights: List[Named] = []
    seen: List[int] = []
    for path, layer in _leaves(model, ""):
        counts: Dict[str, int] = {}
        for weight in layer.weights:
            if id(weight) in seen:
                continue
            seen.append(id(weight))
            name = _short(weight)
            counts[name] = counts.get(name, 0) + 1
            numbered = name if counts[name] == 1 else "%s#%d" % (name, counts[name])
            weights.append(("%s/%s" % (path, numbered), weight))
    return weights


def _leaves(layer: Any, prefix: str) -> List[Tuple[str, Any]]:
    inner = getattr(layer, "layers", None)
    if not isinstance(inner, (list, tuple)) or not inner:
        return [(prefix + str(layer.name), layer)]
    return [
        leaf
        for part in inner
        for leaf in _leaves(part, prefix + str(part.name) + "/" if _is_model(part) else prefix)
    ]


def _is_model(layer: Any) -> bool:
    return isinstance(getattr(layer, "layers", None), (list, tuple))


def _short(weight: Any) -> str:
    name = str(getattr(weight, "name", None) or "weight").rpartition("/")[2].partition(":")[0]
    stem, _, number = name.rpartition("_")
    # TensorFlow numbers names that repeat.
    return stem if stem and number.isdigit() else name


def common(weight: Any, value: Any) -> Any:
    """Convert a value of a weight, or of its gradient, to the convention of all backends."""
    value = numpy.asarray(value)
    return flipped(value) if getattr(weight, FLIPPED, False) and value.ndim > 2 else value


def dump_all(
    backend: Any, dump: Dump, named_weights: Sequence[Named], what: str, when: str
) -> None:
    """Dump the values of weights in the convention of all backends."""
    values = backend.batch_get_value([weight for _, weight in named_weights])
    for (name, weight), value in zip(named_weights, values):
        dump.array(what, name, when, common(weight, value))


own = common
"""Convert such a value to this backend's convention: flipping is its own inverse."""


def slots(optimizer: Any, parameters: Sequence[Named]) -> List[Named]:
    """Return an optimizer's own variables, named by the weights that they belong to.

    Keras's optimizers have ``iterations`` and maybe further scalars, then groups of variables with
    one variable for each weight.
    """
    named_slots: List[Named] = []
    rest = list(getattr(optimizer, "weights", None) or [])
    while rest and _rank(rest[0]) == 0:
        name = "optimizer.slot%d" % len(named_slots) if named_slots else "iterations"
        named_slots.append((name, rest.pop(0)))
    for index, slot in enumerate(rest):
        name, _ = parameters[index % len(parameters)] if parameters else ("", None)
        named_slots.append(("%s.slot%d" % (name, index // max(1, len(parameters)) + 1), slot))
    return named_slots


def slot_weight(name: str, parameters: Sequence[Named]) -> Any:
    """Return the weight that a slot of that name belongs to; None if it belongs to no weight."""
    return dict(parameters).get(name.rpartition(".")[0])


def _rank(variable: Any) -> int:
    ndim = getattr(variable, "ndim", None)
    return int(variable.shape.ndims if ndim is None else ndim)
