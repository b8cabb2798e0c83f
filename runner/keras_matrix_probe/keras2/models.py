"""Describe a Keras model in plain values: layers, shapes, parameter counts, how it is compiled."""

from typing import Any, Dict, List

MAX_LAYERS = 2000


def _shape(layer: Any) -> str:
    for attribute in ("output_shape", "output"):
        try:
            value = getattr(layer, attribute)
        except (AttributeError, RuntimeError, ValueError):
            # A layer that is used several times, or is not built yet, has no single output shape.
            continue
        return str(getattr(value, "shape", value))
    return "?"


def _parameters(layer: Any) -> int:
    """Count parameters by the shapes of weights: Keras's own count compiles functions on Theano."""
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


def _name(value: Any) -> str:
    """Return the name of an optimizer, of a loss, or of several."""
    if isinstance(value, str) or value is None:
        return str(value)
    if isinstance(value, dict):
        return ", ".join("%s: %s" % (key, _name(value[key])) for key in sorted(value))
    if isinstance(value, (list, tuple)):
        return ", ".join(_name(item) for item in value)
    return str(getattr(value, "__name__", type(value).__name__))


def is_built(model: Any) -> bool:
    """Tell whether the model has its weights."""
    return bool(getattr(model, "built", False)) and bool(getattr(model, "layers", []))


def describe(model: Any) -> Dict[str, Any]:
    """Return the fields of the ``model`` event."""
    layers: List[Dict[str, Any]] = []
    for layer in list(model.layers)[:MAX_LAYERS]:
        layers.append(
            {
                "name": str(layer.name),
                "kind": type(layer).__name__,
                "output_shape": _shape(layer),
                "parameters": _parameters(layer),
            }
        )
    return {
        "name": str(model.name),
        "kind": type(model).__name__,
        "layers": layers,
        "parameters": _parameters(model),
        "optimizer": _name(getattr(model, "optimizer", None)),
        "loss": _name(getattr(model, "loss", None)),
    }
