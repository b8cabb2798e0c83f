"""Layers that draw while they train: what ``--init paired`` leaves to each backend.

A mask is made of numbers that the backend draws anew for each batch.
"""

from typing import Any, Dict, List, Sequence, Tuple

NOISE = {
    "Dropout": "rate",
    "SpatialDropout1D": "rate",
    "SpatialDropout2D": "rate",
    "SpatialDropout3D": "rate",
    "GaussianDropout": "rate",
    "AlphaDropout": "rate",
    "GaussianNoise": "stddev",
}
"""Layer class to what it draws nothing without (keras/layers/core.py and noise.py, tag 2.3.1)."""
RECURRENT = ("dropout", "recurrent_dropout")
INNER = ("layer", "forward_layer", "backward_layer", "cell", "cells")
"""Where wrappers and recurrent layers have those that they are made of."""
MAX_DEPTH = 10
MAX_NAMED = 20


def drawing(layers: Any, models: Sequence[Any]) -> List[str]:
    """Return the names of the models' layers that draw; ``layers`` is ``keras.layers``."""
    kinds = [(getattr(layers, kind), rate) for kind, rate in NOISE.items() if hasattr(layers, kind)]
    found: Dict[str, None] = {}
    seen: Dict[int, Any] = {}
    pending = list(models)
    while pending:
        layer = pending.pop(0)
        if id(layer) in seen:
            continue
        # Held: what a property makes anew each time must not get the id of what it made before.
        seen[id(layer)] = layer
        if _draws(layer, kinds, MAX_DEPTH):
            found[str(_get(layer, "name"))] = None
        inner = _get(layer, "layers")
        if isinstance(inner, (list, tuple)):
            pending += inner
    return list(found)


def note(names: Sequence[str]) -> str:
    """Say which layers draw masks of their own."""
    more = " and %d more" % (len(names) - MAX_NAMED) if len(names) > MAX_NAMED else ""
    named = ", ".join(name[:100] for name in names[:MAX_NAMED])
    return "Not paired: the masks of %s%s (each backend draws its own)." % (named, more)


def _draws(layer: Any, kinds: Sequence[Tuple[Any, str]], depth: int) -> bool:
    """Tell whether a layer draws, or one that it is made of."""
    rates = [rate for kind, rate in kinds if isinstance(layer, kind)]
    if any(_positive(_get(layer, rate)) for rate in (*rates, *RECURRENT)):
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
    except Exception:  # a property is the script's own code, too
        return None
