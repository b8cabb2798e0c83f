"""Know which layer is being applied, so that a failure has a place."""

import functools
from typing import Any, Dict, List, Optional

from .describe import layer_of

MAX_MESSAGE = 2000


class Building:
    """Follows calls of layers; ``failure`` describes the last one that failed."""

    def __init__(self, keras: Any) -> None:
        self.failure: Optional[Dict[str, Any]] = None
        self._keras = keras
        self._stack: List[Any] = []
        self._seen: Optional[BaseException] = None

    def install(self) -> None:
        """Follow all calls from now on."""
        layer_class = self._keras.layers.Layer
        original = layer_class.__call__
        building = self

        @functools.wraps(original)
        def call(layer: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            building._stack.append(layer)
            try:
                return original(layer, inputs, *args, **kwargs)
            except Exception as failure:
                # The innermost layer is the first to see it.
                if failure is not building._seen:
                    building._seen = failure
                    building.failure = building._described(layer, inputs, failure)
                raise
            finally:
                building._stack.pop()

        layer_class.__call__ = call

    def current(self) -> str:
        """Return the name of the layer that is being applied, empty if there is none."""
        return str(getattr(self._stack[-1], "name", "?")) if self._stack else ""

    def _described(self, layer: Any, inputs: Any, failure: Exception) -> Dict[str, Any]:
        given = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        shapes = [list(getattr(one, "_keras_shape", None) or []) for one in given]
        return dict(layer_of(layer), input_shapes=shapes, **failed(failure))


def failed(failure: BaseException) -> Dict[str, Any]:
    """Return a failure's kind and message."""
    message = str(failure).strip()
    return {"error": type(failure).__name__, "message": message[:MAX_MESSAGE]}
