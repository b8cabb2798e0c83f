"""Describe layers, and what they were made with, in plain values."""

import inspect
import os
from typing import Any, Dict, List, Optional

from .graph import Graph, Node
from .weights import Named

MAX_CONFIG = 200


def layer_of(layer: Any) -> Dict[str, Any]:
    """Describe a layer: its name, class, configuration, and where a class or function is from."""
    if layer is None:
        # A tensor that is given, or made by a subclassed model's own code.
        return {"layer": "", "kind": "tensor", "own": True, "config": {}, "source": None}
    kind = type(layer)
    return {
        "layer": str(getattr(layer, "name", "?")),
        "kind": kind.__name__,
        "own": str(kind.__module__).split(".")[0] == "keras",
        "config": _config(layer),
        "source": _source(getattr(layer, "function", None) or kind),
    }


def node(found: Node, weights: List[Named]) -> Dict[str, Any]:
    """Describe a node of a graph."""
    own = list(getattr(found.layer, "weights", None) or [])
    return dict(
        layer_of(found.layer),
        key=found.key,
        feeds=[[key, index] for key, index in found.feeds],
        outputs=len(found.outputs),
        input_shapes=[_shape(tensor) for tensor in found.inputs],
        output_shapes=[_shape(tensor) for tensor in found.outputs],
        weights=[name for name, weight in weights if any(weight is one for one in own)],
        nested=found.inner is not None,
    )


def nodes(graph: Graph, weights: List[Named]) -> List[Dict[str, Any]]:
    """Describe all nodes of a graph, those of inner graphs before the node that holds them."""
    return [node(one, weights) for one in graph.all()]


def serialized(thing: Any) -> Any:
    """Return an optimizer's or a loss's name and configuration."""
    if isinstance(thing, str) or thing is None:
        return thing
    if isinstance(thing, dict):
        return {str(key): serialized(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [serialized(item) for item in thing]
    named = getattr(thing, "__name__", None)
    if named is not None:
        own = str(getattr(thing, "__module__", "")).split(".")[0] == "keras"
        return {"function": str(named), "own": own, "source": _source(thing)}
    return layer_of(thing)


def _config(thing: Any) -> Dict[str, Any]:
    try:
        config = thing.get_config()
        return {str(key): _plain(value) for key, value in list(config.items())[:MAX_CONFIG]}
    except Exception:  # the script's own code, and one that Keras itself does not always have
        return {}


def _plain(value: Any) -> Any:
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in list(value.items())[:MAX_CONFIG]}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in list(value)[:MAX_CONFIG]]
    if hasattr(value, "item") and getattr(value, "size", 0) == 1:
        return value.item()
    if hasattr(value, "tolist") and getattr(value, "size", MAX_CONFIG + 1) <= MAX_CONFIG:
        return value.tolist()
    return str(value)[:MAX_CONFIG]


def _shape(tensor: Any) -> List[Optional[int]]:
    return list(getattr(tensor, "_keras_shape", None) or [])


def _source(thing: Any) -> Optional[Dict[str, Any]]:
    """Return the file name and the line where a function or class begins, None for Keras's own."""
    if str(getattr(thing, "__module__", "")).split(".")[0] == "keras":
        return None
    try:
        file = inspect.getsourcefile(thing)
        line = inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return None
    name = str(getattr(thing, "__name__", "?"))
    return {"file": os.path.basename(file or "?"), "line": line, "name": name}
