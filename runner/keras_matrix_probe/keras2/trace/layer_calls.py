"""Follow which layer is being applied, so that a failure has a place; leave it out if requested.

The output of a layer that this backend cannot apply becomes a placeholder: the rest of the model is
built on it, and is captured from the reference's values there.
"""

import functools
from typing import Any, Dict, List, Optional

from .describe import layer_of
from .graph import Call, listed

MAX_MESSAGE = 2000
"""Characters."""


class LayerCalls:
    """Follows calls of layers; ``failure`` describes the first call that failed.

    ``skipped`` names the layers that were left out, ``error`` is what the first of them raised;
    ``calls`` are the outermost calls: a layer, its inputs and its outputs.
    """

    def __init__(self, keras: Any, skip: bool) -> None:
        self.failure: Optional[Dict[str, Any]] = None
        self.skipped: List[Any] = []
        self.error: Optional[Exception] = None
        self.calls: List[Call] = []
        self._keras = keras
        self._skip = skip
        self._stack: List[Any] = []
        self._described_failure: Optional[BaseException] = None

    def install(self) -> None:
        """Follow all calls from now on."""
        layer_class = self._keras.layers.Layer
        original = layer_class.__call__
        tracker = self

        @functools.wraps(original)
        def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            tracker._stack.append(layer)
            try:
                output = original(layer, inputs, *args, **kwargs)
                if len(tracker._stack) == 1:
                    tracker.calls.append((layer, listed(inputs), listed(output)))
                return output
            except Exception as failure:
                # The innermost layer is the first that the exception passes through.
                if failure is not tracker._described_failure:
                    tracker._described_failure = failure
                    if tracker.failure is None or not tracker.skipped:
                        tracker.failure = tracker._describe(layer, inputs, failure)
                output = None
                if tracker._skip and len(tracker._stack) == 1 and not args and not kwargs:
                    output = tracker._leave_out(layer, inputs)
                if output is None:
                    raise
                tracker.error = tracker.error or failure
                return output
            finally:
                tracker._stack.pop()

        layer_class.__call__ = call

    def current(self) -> str:
        """Return the name of the layer that is being applied; empty if no layer is."""
        return str(getattr(self._stack[-1], "name", "?")) if self._stack else ""

    def _leave_out(self, layer: Any, inputs: Any) -> Any:
        """Apply a layer without computing anything; None if its output's shape is not known."""
        tensors = listed(inputs)
        shapes = [getattr(tensor, "_keras_shape", None) for tensor in tensors]
        if layer.name in self.skipped or not all(shapes) or not _is_keras(tensors):
            return None
        try:
            shape = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
            if not isinstance(shape, tuple) or not all(
                isinstance(n, (int, type(None))) for n in shape
            ):
                return None
            output = self._keras.backend.placeholder(shape=shape, name="%s_skipped" % layer.name)
            layer._add_inbound_node(
                input_tensors=tensors,
                output_tensors=[output],
                input_masks=[None] * len(tensors),
                output_masks=[None],
                input_shapes=shapes,
                output_shapes=[shape],
                arguments={},
            )
        except Exception:  # it cannot be left out either: its own failure is reported
            return None
        layer.built = True
        self.skipped.append(layer.name)
        return output

    def _describe(self, layer: Any, inputs: Any, failure: Exception) -> Dict[str, Any]:
        shapes = [list(getattr(tensor, "_keras_shape", None) or []) for tensor in listed(inputs)]
        return dict(layer_of(layer), input_shapes=shapes, **describe_failure(failure))


def describe_failure(failure: BaseException) -> Dict[str, Any]:
    """Return a failure's kind and message."""
    message = str(failure).strip()
    return {"error": type(failure).__name__, "message": message[:MAX_MESSAGE]}


def _is_keras(tensors: List[Any]) -> bool:
    return all(hasattr(tensor, "_keras_history") for tensor in tensors)
