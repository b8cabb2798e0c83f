"""Name the numbers that Keras returns without names."""

from typing import Any, Dict, Sequence


def named_metrics(model: Any, result: Any) -> Dict[str, float]:
    """Name what an evaluation or a training step returned: a number, a list, or a dict."""
    if isinstance(result, dict):
        return numbers(result)
    values = list(result) if isinstance(result, (list, tuple)) else [result]
    return numbers(dict(zip(told_apart(model.metrics_names), values)))


def told_apart(names: Sequence[Any]) -> Sequence[str]:
    """Number names that repeat: Keras does not, where a metric is given twice."""
    found: Dict[str, None] = {}
    for given in map(str, names):
        name, count = given, 1
        while name in found:
            count += 1
            name = "%s#%d" % (given, count)
        found[name] = None
    return list(found)


def numbers(logs: Any) -> Dict[str, float]:
    """Keep the entries of ``logs`` that are one number each."""
    kept = {}
    for key, value in logs.items():
        try:
            kept[str(key)] = float(value)
        except (TypeError, ValueError):
            continue
    return kept
