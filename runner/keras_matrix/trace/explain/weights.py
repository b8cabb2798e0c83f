"""Write a layer's first weights so that every backend reads them alike. Pure.

Theano's convolutions turn their kernels around (``_need_convert_kernel`` in keras/engine/saving.py,
tag 2.3.1). What a cell captured is in TensorFlow's convention, and scripts turn it on Theano.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from keras_matrix.trace.dump import Capture, Node
from keras_matrix.trace.explain.expressions import ScriptParts

TURNED_KERNELS: Mapping[str, tuple[str, ...]] = {
    "Conv1D": ("kernel",),
    "Conv2D": ("kernel",),
    "Conv2DTranspose": ("kernel",),
    "Conv3D": ("kernel",),
    "Conv3DTranspose": ("kernel",),
    "ConvLSTM2D": ("kernel", "recurrent_kernel"),
    "ConvLSTM2DCell": ("kernel", "recurrent_kernel"),
}
"""Layer class to the weights that Theano turns around: ``KERNELS`` in the probe's ``paired.py``."""
INNER_SETTINGS = ("layer", "cell", "backward_layer", "cells")
"""Settings of a layer that describe layers within it."""
TURNING_FUNCTION = """\
def for_backend(kernel):  # Theano's convolutions turn their kernels around
    axes = tuple(range(kernel.ndim - 2))
    return np.flip(kernel, axes) if K.backend() == 'theano' else kernel
"""


def weights_expression(node: Node, capture: Capture, parts: ScriptParts) -> str | None:
    """Return the expression for a layer's first weights; None if it has none, or they are unknown.

    Kernels of a convolution that the script itself defines stay as they are.
    """
    arrays = [capture.array(("weight", name, "start")) for name in node.weights]
    known = [array for array in arrays if array is not None]
    if not known or len(known) < len(arrays):
        return None
    turned = turned_kernels(node.kind, node.config) if node.own else ()
    expressions = []
    for index, (name, array) in enumerate(zip(node.weights, known, strict=True)):
        expression = parts.array_expression(f"w{index}", array)
        if array.ndim > 2 and short_name(name) in turned:
            parts.imports.add(("keras", "backend as K"))
            parts.include_text(TURNING_FUNCTION)
            expression = f"for_backend({expression})"
        expressions.append(expression)
    return f"[{', '.join(expressions)}]"


def short_name(weight: str) -> str:
    """Return a weight's own name, without its layer's and without a number."""
    return weight.rpartition("/")[2].partition("#")[0]


def turned_kernels(kind: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the weights that Theano turns around, of a layer or those within it."""
    names = (name for inner in _kinds(kind, config) for name in TURNED_KERNELS.get(inner, ()))
    return tuple(dict.fromkeys(names))


def _kinds(kind: str, config: Mapping[str, Any]) -> Iterator[str]:
    yield kind
    for setting in INNER_SETTINGS:
        inner = config.get(setting)
        for one in inner if isinstance(inner, Sequence) else (inner,):
            if isinstance(one, Mapping) and isinstance(one.get("config"), Mapping):
                yield from _kinds(str(one.get("class_name", "")), one["config"])
