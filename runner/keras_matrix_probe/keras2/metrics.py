"""Name the metrics that Keras returns without names."""

from typing import Any, Dict, Sequence


def named_metrics(model: Any, result: Any) -> Dict[str, float]:
    """Name the result of an evaluation or a training step: a number, a list or a dict."""
    if isinstance(result, dict):
        return numbers(result)
    values = list(result) if isinstance(result, (list, tuple)) else [result]
    return numbers(dict(zip(unique_names(model.metrics_names), values)))


def unique_names(names: Sequence[Any]) -> Sequence[str]:
    """Number names that repeat, which Keras does not do if a metric is given twice."""
    unique: Dict[str, None] = {}
    for original in map(str, names):
        name, count = original, 1
        while name in unique:
            count += 1
            name = "%s#%d" % (original, count)
        unique[name] = None
    return list(unique)


def numbers(logs: Any) -> Dict[str, float]:
    """Return the entries of ``logs`` that are a single number."""
    values = {}
    for key, value in logs.items():
        try:
            values[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return values
