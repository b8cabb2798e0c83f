"""Random layers switched off: masks that each backend draws for itself would differ everywhere.

Dropout lets all through, noise adds nothing; what a layer of the script's own draws while it runs
is replaced by the distribution's mean.
"""

import functools
import inspect
from typing import Any, Callable, Dict, List

NOISE = ("GaussianNoise", "GaussianDropout", "AlphaDropout")
Mean = Callable[[Dict[str, Any]], float]
MEANS: Dict[str, Mean] = {
    "random_normal": lambda given: float(given["mean"]),
    "truncated_normal": lambda given: float(given["mean"]),
    "random_uniform": lambda given: float(given["minval"] + given["maxval"]) / 2,
    "random_binomial": lambda given: 1.0 if given["p"] >= 0.5 else 0.0,
}
"""Backend function to what it draws on average; a coin falls on its likelier side."""


class Still:
    """What was switched off: ``layers`` by name, in the order they were met."""

    def __init__(self, keras: Any, layer_name: Callable[[], str]) -> None:
        self.layers: List[str] = []
        self._keras = keras
        self._layer_name = layer_name

    def install(self) -> None:
        """Switch off what is random from now on; call it before pairing and the script."""
        backend, layers = self._keras.backend, self._keras.layers
        backend.dropout = self._dropout(backend.dropout)
        for kind in NOISE:
            if hasattr(layers, kind):
                getattr(layers, kind).call = self._nothing
        for name in MEANS:
            if hasattr(backend, name):
                setattr(backend, name, self._mean(name, getattr(backend, name)))

    def _dropout(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def dropout(x: Any, *args: Any, **kwargs: Any) -> Any:
            self._note()
            return self._keras.backend.identity(x)

        return dropout

    @property
    def _nothing(self) -> Callable[..., Any]:
        still = self

        def call(layer: Any, inputs: Any, training: Any = None) -> Any:
            still._note()
            return inputs

        return call

    def _mean(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def drawn(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            if not self._layer_name():
                # Not within a layer's call: weights, or the script's own data.
                return original(*args, **kwargs)
            self._note()
            mean = MEANS[name](dict(bound.arguments))
            return original(*args, **kwargs) * 0 + mean

        return drawn

    def _note(self) -> None:
        name = self._layer_name()
        if name and name not in self.layers:
            self.layers.append(name)
