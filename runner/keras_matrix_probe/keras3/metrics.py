"""The names of metrics, which Keras 3 drops when it returns a list.

``Model.metrics_names`` does not have them: it says ``compile_metrics`` for all metrics of
``compile`` together (keras/src/trainers/trainer.py, v3.15.1).
"""

import functools
from typing import Any, Callable, Dict, List, Tuple

from ..keras2.metrics import numbers


class MetricNames:
    """Remembers, for each model, the order in which Keras made a list of its metrics."""

    def __init__(self) -> None:
        # With the model, so that no other one gets the same id.
        self._names: Dict[int, Tuple[Any, List[str]]] = {}

    def install(self, model_class: Any) -> None:
        """Watch the step from a dictionary to a list, which all backends' trainers share."""
        original: Callable[..., Any] = model_class._flatten_metrics_in_order

        @functools.wraps(original)
        def flatten(model: Any, logs: Any) -> Any:
            result = original(model, logs)
            known = self._names.get(id(model))
            if known is None or set(known[1]) != set(logs):
                self._names[id(model)] = (model, _order(logs, result))
            return result

        model_class._flatten_metrics_in_order = flatten

    def named(self, model: Any, result: Any) -> Dict[str, float]:
        """Name the result of an evaluation or a training step: a number, a list or a dict."""
        if isinstance(result, dict):
            return numbers(result)
        values = list(result) if isinstance(result, (list, tuple)) else [result]
        # A train_step of the script's own may return numbers by itself, the loss first.
        _, names = self._names.get(id(model), (model, ["loss"]))
        return numbers(dict(zip(names, values)))


def _order(logs: Dict[str, Any], result: Any) -> List[str]:
    left = dict(logs)
    names = []
    for value in result if isinstance(result, list) else [result]:
        name = next(name for name in left if left[name] is value)
        del left[name]
        names.append(name)
    return names
