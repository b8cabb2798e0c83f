"""Switch random layers off: the masks that each backend draws would make everything differ.

Dropout passes everything on, noise adds nothing; what the script's own layers draw is replaced by
the mean of the distribution.
"""

import functools
import inspect
from typing import Any, Callable, Dict, List

NOISE_LAYERS = ("GaussianNoise", "GaussianDropout", "AlphaDropout")
Mean = Callable[[Dict[str, Any]], float]
MEANS: Dict[str, Mean] = {
    "random_normal": lambda arguments: float(arguments["mean"]),
    "truncated_normal": lambda arguments: float(arguments["mean"]),
    "random_uniform": lambda arguments: float(arguments["minval"] + arguments["maxval"]) / 2,
    "random_binomial": lambda arguments: 1.0 if arguments["p"] >= 0.5 else 0.0,
}
"""Backend function to the mean of what it draws; of a coin, the likelier side."""


class RandomLayers:
    """Switches random layers off; ``disabled`` are their names, in the order of their calls."""

    def __init__(self, keras: Any, layer_name: Callable[[], str]) -> None:
        self.disabled: List[str] = []
        self._keras = keras
        self._layer_name = layer_name

    def install(self) -> None:
        """Switch off what is random from now on; call this before pairing and the script."""
        backend, layers = self._keras.backend, self._keras.layers
        backend.dropout = self._dropout(backend.dropout)
        for kind in NOISE_LAYERS:
            if hasattr(layers, kind):
                getattr(layers, kind).call = self._identity
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
    def _identity(self) -> Callable[..., Any]:
        switch = self

        def call(layer: Any, inputs: Any, training: Any = None) -> Any:
            switch._note()
            return inputs

        return call

    def _mean(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def drawn(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            if not self._layer_name():
                # Not within the call of a layer: the draw is of weights, or of the script's data.
                return original(*args, **kwargs)
            self._note()
            mean = MEANS[name](dict(bound.arguments))
            return original(*args, **kwargs) * 0 + mean

        return drawn

    def _note(self) -> None:
        name = self._layer_name()
        if name and name not in self.disabled:
            self.disabled.append(name)
