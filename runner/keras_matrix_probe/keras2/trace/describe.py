"""Describe layers and their configuration in plain values."""

import inspect
import os
from typing import Any, Dict, List, Optional

from .graph import Graph, Node
from .weights import Named

MAX_CONFIG = 200
"""Entries or elements of a configuration, and characters of one value."""


def layer_of(layer: Any) -> Dict[str, Any]:
    """Describe a layer: its name, class and configuration, and where its code is defined."""
    if layer is None:
        # A tensor that is an input, or that a subclassed model's own code makes.
        return {"layer": "", "kind": "tensor", "own": True, "config": {}, "source": None}
    kind = type(layer)
    return {
        "layer": str(getattr(layer, "name", "?")),
        "kind": kind.__name__,
        "own": str(kind.__module__).split(".")[0] == "keras",
        "config": _config(layer),
        "source": _source(getattr(layer, "function", None) or kind),
    }


def describe_node(node: Node, weights: List[Named]) -> Dict[str, Any]:
    """Describe a node of a graph."""
    own = list(getattr(node.layer, "weights", None) or [])
    return dict(
        layer_of(node.layer),
        key=node.key,
        feeds=[[key, index] for key, index in node.feeds],
        outputs=len(node.outputs),
        input_shapes=[_shape(tensor) for tensor in node.inputs],
        output_shapes=[_shape(tensor) for tensor in node.outputs],
        weights=[name for name, weight in weights if any(weight is other for other in own)],
        nested=node.inner is not None,
    )


def describe_nodes(graph: Graph, weights: List[Named]) -> List[Dict[str, Any]]:
    """Describe all nodes of a graph; those of an inner graph come before the node that holds it."""
    return [describe_node(node, weights) for node in graph.all()]


def serialized(value: Any) -> Any:
    """Describe an optimizer or a loss: name and configuration."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, dict):
        return {str(key): serialized(value) for key, value in value.items()}
    if isinstance(value, (list, tuple)):
        return [serialized(item) for item in value]
    named = getattr(value, "__name__", None)
    if named is not None:
        own = str(getattr(value, "__module__", "")).split(".")[0] == "keras"
        return {"function": str(named), "own": own, "source": _source(value)}
    return layer_of(value)


def _config(value: Any) -> Dict[str, Any]:
    try:
        config = value.get_config()
        return {str(key): _plain(value) for key, value in list(config.items())[:MAX_CONFIG]}
    except Exception:  # it may be the script's own code, and not all of Keras's layers have it
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


def _source(value: Any) -> Optional[Dict[str, Any]]:
    """Return where a function or class begins: file name and line; None for Keras's own."""
    if str(getattr(value, "__module__", "")).split(".")[0] == "keras":
        return None
    try:
        file = inspect.getsourcefile(value)
        line = inspect.getsourcelines(value)[1]
    except (OSError, TypeError):
        return None
    name = str(getattr(value, "__name__", "?"))
    return {"file": os.path.basename(file or "?"), "line": line, "name": name}
