"""Weights by names that all backends share, in the convention that all share.

Theano's convolutions turn their kernels around; see :mod:`..paired`. What leaves a cell is as
TensorFlow has it, and what comes into one is turned around again.
"""

from typing import Any, Dict, List, Sequence, Tuple

import numpy

from ..paired import FLIPPED, flipped
from .dump import Dump

Named = Tuple[str, Any]


def named(model: Any) -> List[Named]:
    """Return a model's weights, each once, with the name of its layer and its own."""
    found: List[Named] = []
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
            found.append(("%s/%s" % (path, numbered), weight))
    return found


def _leaves(layer: Any, prefix: str) -> List[Tuple[str, Any]]:
    inner = getattr(layer, "layers", None)
    if not isinstance(inner, (list, tuple)) or not inner:
        return [(prefix + str(layer.name), layer)]
    return [
        leaf
        for one in inner
        for leaf in _leaves(one, prefix + str(one.name) + "/" if _is_model(one) else prefix)
    ]


def _is_model(layer: Any) -> bool:
    return isinstance(getattr(layer, "layers", None), (list, tuple))


def _short(weight: Any) -> str:
    name = str(getattr(weight, "name", None) or "weight").rpartition("/")[2].partition(":")[0]
    stem, _, number = name.rpartition("_")
    # TensorFlow numbers names that repeat.
    return stem if stem and number.isdigit() else name


def common(weight: Any, value: Any) -> Any:
    """Return a value of a weight, or of its gradient, as all backends know it."""
    value = numpy.asarray(value)
    return flipped(value) if getattr(weight, FLIPPED, False) and value.ndim > 2 else value


def dump_all(backend: Any, dump: Dump, found: Sequence[Named], what: str, when: str) -> None:
    """Dump the values of weights, as all backends know them."""
    values = backend.batch_get_value([weight for _, weight in found])
    for (name, weight), value in zip(found, values):
        dump.array(what, name, when, common(weight, value))


own = common
"""Return a common value as this backend has it: turning around is its own inverse."""


def slots(optimizer: Any, parameters: Sequence[Named]) -> List[Named]:
    """Return an optimizer's own variables, named by the weight each belongs to.

    Keras's optimizers hold ``iterations`` and maybe more numbers, then one variable a weight, group
    by group.
    """
    found: List[Named] = []
    rest = list(getattr(optimizer, "weights", None) or [])
    while rest and _rank(rest[0]) == 0:
        name = "optimizer.slot%d" % len(found) if found else "iterations"
        found.append((name, rest.pop(0)))
    for index, slot in enumerate(rest):
        name, _ = parameters[index % len(parameters)] if parameters else ("", None)
        found.append(("%s.slot%d" % (name, index // max(1, len(parameters)) + 1), slot))
    return found


def slot_weight(name: str, parameters: Sequence[Named]) -> Any:
    """Return the weight that a slot of that name belongs to, None if to none."""
    return dict(parameters).get(name.rpartition(".")[0])


def _rank(variable: Any) -> int:
    ndim = getattr(variable, "ndim", None)
    return int(variable.shape.ndims if ndim is None else ndim)
