"""Describe a Keras model in plain values: layers, shapes, parameter counts, how it is compiled."""

from typing import Any, Dict, List

MAX_LAYERS = 2000


def _shape(layer: Any) -> str:
    for attribute in ("output_shape", "output"):
        try:
            value = getattr(layer, attribute)
        except (AttributeError, RuntimeError, ValueError):
            # A layer used several times, or not yet built, has no single output shape.
            continue
        return str(getattr(value, "shape", value))
    return "?"


def _count(layer: Any) -> int:
    """Count parameters by the shapes of weights: Keras on Theano compiles functions to tell."""
    try:
        weights = {id(weight): weight for weight in layer.weights}.values()
        return sum(_size(weight) for weight in weights)
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return 0


def _size(weight: Any) -> int:
    shape = getattr(weight, "_keras_shape", None)
    if shape is None:
        shape = weight.shape
        shape = shape.as_list() if hasattr(shape, "as_list") else shape
    size = 1
    for axis in shape:
        size *= int(axis)
    return size


def _named(thing: Any) -> str:
    if isinstance(thing, str) or thing is None:
        return str(thing)
    if isinstance(thing, dict):
        return ", ".join("%s: %s" % (key, _named(thing[key])) for key in sorted(thing))
    if isinstance(thing, (list, tuple)):
        return ", ".join(_named(item) for item in thing)
    return str(getattr(thing, "__name__", type(thing).__name__))


def is_built(model: Any) -> bool:
    """Tell whether the model has its weights."""
    return bool(getattr(model, "built", False)) and bool(getattr(model, "layers", []))


def describe(model: Any) -> Dict[str, Any]:
    """Return the ``model`` event's fields."""
    layers: List[Dict[str, Any]] = []
    for layer in list(model.layers)[:MAX_LAYERS]:
        layers.append(
            {
                "name": str(layer.name),
                "kind": type(layer).__name__,
                "output_shape": _shape(layer),
                "parameters": _count(layer),
            }
        )
    return {
        "name": str(model.name),
        "kind": type(model).__name__,
        "layers": layers,
        "parameters": _count(model),
        "optimizer": _named(getattr(model, "optimizer", None)),
        "loss": _named(getattr(model, "loss", None)),
    }
