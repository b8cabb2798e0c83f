"""The same initial weights and order of samples on every backend: ``--init paired`` in Keras 3.

Keras's random initializers draw by the module ``keras.src.backend.random``, and so from each
backend's own generator (keras/src/initializers/random_initializers.py, v3.15.1). Here those draws
come from NumPy, from the same streams as under Keras 2; scale and fans remain Keras's own code. No
backend of Keras 3 turns kernels around.
"""

import functools
import sys
from types import SimpleNamespace
from typing import Any, Callable, List

from .. import draws
from ..keras2.own_draws import TRAINING_KINDS, OwnDraws
from .order import Orders

RUN_SEED, OWN_SEED = 0, 1
"""First number of a stream's key: the seed is the run's, or one that the script sets."""
ORDINAL = "_keras_matrix_ordinal"
"""Attribute of initializers: which draw of the run their first one was."""
MAX_NOT_PAIRED = 100
"""Names to report of what could not be paired."""

DRAWING = (
    "normal",
    "uniform",
    "truncated_normal",
    "categorical",
    "randint",
    "dropout",
    "shuffle",
    "gamma",
    "binomial",
    "beta",
)
"""Functions of the backend's module ``random`` that draw."""

Function = Callable[..., Any]


class OwnDraws3(OwnDraws):
    """Watches what layers draw; a compiled call draws again without a call of Python's."""

    def __init__(self) -> None:
        super().__init__(lambda: 0)
        self._drew = False

    def reach(self, kind: str) -> bool:
        """Return whether a call of that kind, which has just ended, depends on such draws."""
        if self._drew:
            self.training = True
            self.always = self.always or kind not in TRAINING_KINDS
            self._drew = False
        return super().reach(kind)

    def drawing(self, original: Function) -> Function:
        """Watch a function that draws."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._drew = True
            return original(*args, **kwargs)

        return call


def install(keras: Any, seed: int) -> "Pairing3":
    """Pair all weights and orders from now on; call it before the script runs."""
    pairing = Pairing3(keras, seed)
    pairing.install()
    return pairing


class Pairing3:
    """Pairs what a script draws for its first weights, and ``fit`` for the order of samples.

    ``drawn`` counts the draws; ``not_paired`` names weights of initializers that did not draw here;
    ``own`` watches what the backend still draws by itself.
    """

    def __init__(self, keras: Any, seed: int) -> None:
        self.drawn = 0
        self.not_paired: List[str] = []
        self.own = OwnDraws3()
        self._keras = keras
        self._seed = seed
        self._current: Any = None

    def install(self) -> None:
        """Replace the draws of initializers, and the shuffling of arrays."""
        initializers: Any = self._keras.initializers
        module: Any = sys.modules[initializers.RandomNormal.__module__]
        module.random = SimpleNamespace(
            **{name: getattr(module.random, name) for name in ("make_default_seed",)},
            SeedGenerator=module.random.SeedGenerator,
            normal=self._drawing(draws.normal),
            truncated_normal=self._drawing(draws.truncated_normal),
            uniform=self._drawing(draws.uniform),
        )
        generator: Any = sys.modules["keras.src.backend"].random
        for name in DRAWING:
            if hasattr(generator, name):
                _wrap(generator, name, self.own.drawing)
        for kind in ("RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling"):
            _wrap(getattr(initializers, kind), "__call__", self._initializer)
        _wrap(initializers.Orthogonal, "__call__", self._orthogonal)
        _wrap(self._keras.layers.Layer, "add_weight", self._add_weight)
        Orders().install(self._keras)

    def _initializer(self, original: Function) -> Function:
        """Give each initializer its place in the run, since it may draw several times the same."""

        def call(initializer: Any, *args: Any, **kwargs: Any) -> Any:
            self._current = initializer
            return original(initializer, *args, **kwargs)

        return call

    def _orthogonal(self, original: Function) -> Function:
        def call(initializer: Any, shape: Any, dtype: Any = None) -> Any:
            if len(shape) < 2:
                return original(initializer, shape, dtype)
            numbers = draws.orthogonal(self._stream(initializer), shape, initializer.gain)
            return self._tensor(numbers, dtype)

        return call

    def _drawing(self, draw: Function) -> Function:
        def call(shape: Any, first: Any = None, second: Any = None, **kwargs: Any) -> Any:
            low_or_mean = kwargs.get("mean", kwargs.get("minval", first))
            high_or_deviation = kwargs.get("stddev", kwargs.get("maxval", second))
            numbers = draw(
                self._stream(self._current),
                tuple(int(size) for size in shape),
                float(low_or_mean),
                float(high_or_deviation),
                "float64" if kwargs.get("dtype") == "float64" else "float32",
            )
            return self._tensor(numbers, kwargs.get("dtype"))

        return call

    def _tensor(self, numbers: Any, dtype: Any) -> Any:
        return self._keras.ops.convert_to_tensor(
            numbers, dtype=dtype or self._keras.config.floatx()
        )

    def _stream(self, initializer: Any) -> Any:
        """Return the generator of a draw; a seed that the script sets decides alone.

        An initializer of Keras 3 draws the same numbers each time that it is called.
        """
        self.drawn += 1
        if isinstance(initializer._init_seed, int):
            return draws.stream(OWN_SEED, initializer._init_seed)
        ordinal = getattr(initializer, ORDINAL, None)
        if ordinal is None:
            ordinal = self.drawn - 1
            setattr(initializer, ORDINAL, ordinal)
        return draws.stream(RUN_SEED, self._seed, ordinal)

    def _add_weight(self, original: Function) -> Function:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            before = self.drawn
            weight = original(layer, *args, **kwargs)
            initializer = kwargs.get("initializer", args[1] if len(args) > 1 else None)
            if self.drawn == before and callable(initializer):
                self._note_unknown("%s/%s" % (layer.name, weight.name), initializer)
            return weight

        return call

    def _note_unknown(self, label: str, initializer: Any) -> None:
        """Note an initializer that drew nothing here, unless it is Keras's own and constant."""
        package = str(getattr(initializer, "__module__", "")).partition(".")[0]
        if package == self._keras.__name__ or len(self.not_paired) >= MAX_NOT_PAIRED:
            return
        name = getattr(initializer, "__name__", type(initializer).__name__)
        self.not_paired.append("%s: %s" % (label, name))


def _wrap(owner: Any, name: str, wrapper: Callable[[Function], Function]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrapper(original)))
