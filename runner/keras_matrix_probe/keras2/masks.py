"""Layers that draw while they train, which ``--init paired`` cannot pair.

A mask consists of numbers that the backend draws for each batch.
"""

from typing import Any, Dict, List, Sequence, Tuple

NOISE_LAYERS = {
    "Dropout": "rate",
    "SpatialDropout1D": "rate",
    "SpatialDropout2D": "rate",
    "SpatialDropout3D": "rate",
    "GaussianDropout": "rate",
    "AlphaDropout": "rate",
    "GaussianNoise": "stddev",
}
"""Layer class to the attribute that is zero if it draws nothing.

See keras/layers/core.py and noise.py, tag 2.3.1.
"""
RECURRENT_RATES = ("dropout", "recurrent_dropout")
"""The same attributes of recurrent layers."""
INNER = ("layer", "forward_layer", "backward_layer", "cell", "cells")
"""Attributes of wrappers and recurrent layers that hold inner layers."""
MAX_DEPTH = 10
"""Layers within layers that are searched."""
MAX_NAMES = 20
"""Layers that a note names."""


def drawing_layers(layers: Any, models: Sequence[Any]) -> List[str]:
    """Return the names of the models' layers that draw; ``layers`` is ``keras.layers``."""
    kinds = [
        (getattr(layers, kind), rate)
        for kind, rate in NOISE_LAYERS.items()
        if hasattr(layers, kind)
    ]
    names: Dict[str, None] = {}
    seen: Dict[int, Any] = {}
    pending = list(models)
    while pending:
        layer = pending.pop(0)
        if id(layer) in seen:
            continue
        # Keep a reference: a property may return a new object each time, which must not get the id
        # of an earlier one.
        seen[id(layer)] = layer
        if _draws(layer, kinds, MAX_DEPTH):
            names[str(_get(layer, "name"))] = None
        inner = _get(layer, "layers")
        if isinstance(inner, (list, tuple)):
            pending += inner
    return list(names)


def note(names: Sequence[str]) -> str:
    """Return the note on layers whose masks are not paired."""
    more = " and %d more" % (len(names) - MAX_NAMES) if len(names) > MAX_NAMES else ""
    listed = ", ".join(name[:100] for name in names[:MAX_NAMES])
    return "Not paired: the masks of %s%s (each backend draws its own)." % (listed, more)


def _draws(layer: Any, kinds: Sequence[Tuple[Any, str]], depth: int) -> bool:
    """Tell whether a layer draws, or an inner layer of it."""
    rates = [rate for kind, rate in kinds if isinstance(layer, kind)]
    if any(_positive(_get(layer, rate)) for rate in (*rates, *RECURRENT_RATES)):
        return True
    parts = [part for name in INNER for part in _listed(_get(layer, name))]
    return depth > 0 and any(_draws(part, kinds, depth - 1) for part in parts)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple)):
        return value
    return [] if value is None else [value]


def _get(layer: Any, name: str) -> Any:
    try:
        return getattr(layer, name, None)
    except Exception:  # a property may be the script's own code
        return None
