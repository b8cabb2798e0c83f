"""The same initial weights on every backend: what ``--init paired`` does inside a cell.

Keras's random initializers draw through ``keras.backend`` (keras/initializers.py, tag 2.3.1), and
so from each backend's own generator. Here those draws come from NumPy; scale, fans and the
increments of an explicit seed remain Keras's own code.

Theano's convolutions flip the kernel, the others' do not (``_need_convert_kernel`` in
keras/engine/saving.py, tag 2.3.1). TensorFlow's convention is the common one: on Theano a drawn
kernel is flipped as soon as its layer has created it, and never again.
"""

import functools
import inspect
from typing import Any, Callable, Dict, List, Tuple

import numpy

from .. import backends, draws
from .own_draws import OwnDraws

KERNELS: Dict[str, Tuple[str, ...]] = {
    "Conv1D": ("kernel",),
    "Conv2D": ("kernel",),
    "Conv2DTranspose": ("kernel",),
    "Conv3D": ("kernel",),
    "Conv3DTranspose": ("kernel",),
    "ConvLSTM2DCell": ("kernel", "recurrent_kernel"),
}
"""Layer class to the weights that some backends turn around, as measured on Theano 1.0.4.

Not among them: depthwise and separable convolutions, whose kernels Keras itself turns back
(``_preprocess_conv2d_depthwise_kernel`` in keras/backend/theano_backend.py, tag 2.3.1), and
locally connected layers, which multiply patches.
"""

CONVOLUTION_FUNCTIONS = ("conv1d", "conv2d", "conv3d", "conv2d_transpose", "conv3d_transpose")
KERAS_VERSIONS = ("2.2.", "2.3.")
MAX_NOT_PAIRED = 100
"""Names to report of what could not be paired."""
RUN_SEED, OWN_SEED = 0, 1
"""First number of a stream's key: the seed is the run's, or one that the script sets."""
UNCONVERTED = "_keras_matrix_unconverted"
"""Attribute of drawn weights that are no kernels of Keras's own layers."""
FLIPPED = "_keras_matrix_flipped"
"""Attribute of kernels that this backend turns around."""

Function = Callable[..., Any]


def install(keras: Any, seed: int) -> "Pairing":
    """Pair all weights that are created from now on; call it before the script runs.

    Raises:
        NotImplementedError: this Keras is not one of those written for several backends.
    """
    version = str(keras.__version__)
    if not version.startswith(KERAS_VERSIONS):
        raise NotImplementedError("Paired weights are for Keras 2.2 and 2.3, not %s." % version)
    pairing = Pairing(keras, seed)
    pairing.install()
    return pairing


class Pairing:
    """Pairs the weights of a script, and counts what it drew.

    ``drawn`` counts the draws and ``converted`` the kernels flipped for this backend.
    ``not_paired`` names what may still differ between backends: weights of initializers that did
    not draw here, and convolution kernels of layers that are not Keras's own. ``own`` says what the
    backend still draws by itself.
    """

    def __init__(self, keras: Any, seed: int) -> None:
        self.drawn = 0
        self.converted = 0
        self.not_paired: List[str] = []
        self.own = OwnDraws(keras.backend.learning_phase)
        self._seed = seed
        self._keras = keras
        self._backend = keras.backend
        self._flips = backends.of(keras).turns_kernels
        self._initializing = 0
        self._kernels = [
            (getattr(keras.layers, kind), names)
            for kind, names in KERNELS.items()
            if hasattr(keras.layers, kind)
        ]

    def restart(self) -> None:
        """Draw the same numbers as from the beginning."""
        self.drawn = 0

    def install(self) -> None:
        """Wrap the functions that draw, create weights and convolve."""
        initializers, backend = self._keras.initializers, self._backend
        for kind in ("RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling"):
            _wrap(getattr(initializers, kind), "__call__", self._initializer)
        _wrap(initializers.Orthogonal, "__call__", self._orthogonal)
        _wrap(backend, "random_normal", functools.partial(self._drawing, draws.normal))
        _wrap(backend, "random_uniform", functools.partial(self._drawing, draws.uniform))
        _wrap(backend, "truncated_normal", functools.partial(self._drawing, draws.truncated_normal))
        _wrap(backend, "random_normal_variable", functools.partial(self._variable, draws.normal))
        _wrap(backend, "random_uniform_variable", functools.partial(self._variable, draws.uniform))
        _wrap(self._keras.layers.Layer, "add_weight", self._add_weight)
        _wrap(backend, "dropout", self.own.dropout)
        _wrap(backend, "random_binomial", self.own.drawing)
        _wrap(backend, "in_train_phase", self.own.in_train_phase)
        for name in CONVOLUTION_FUNCTIONS:
            if hasattr(backend, name):
                _wrap(backend, name, self._convolution)
        # TensorFlow's function draws a name from NumPy (keras/backend/tensorflow_backend.py, tag
        # 2.3.1): every Flatten would change what the script and Keras's shuffling draw later.
        _wrap(backend, "batch_flatten", _without_drawing)

    def _initializer(self, original: Function) -> Function:
        """Mark the draws within as draws of weights, as opposed to those of noise layers."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._initializing += 1
            try:
                return original(*args, **kwargs)
            finally:
                self._initializing -= 1

        return call

    def _orthogonal(self, original: Function) -> Function:
        def call(initializer: Any, shape: Any, dtype: Any = None) -> Any:
            stream = self._stream(initializer.seed)
            if initializer.seed is not None:
                initializer.seed += 1
            # An array of any dtype, as Keras's own function returns it.
            return draws.orthogonal(stream, shape, initializer.gain)

        return call

    def _drawing(self, draw: Function, original: Function) -> Function:
        """Make one of the backend's random functions draw from NumPy within initializers."""
        drawing = self.own.drawing(original)

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._initializing:
                numbers = self._draw(draw, _bind(original, args, kwargs))
                if numbers is not None:
                    return self._backend.constant(
                        numbers, dtype=str(numbers.dtype), shape=numbers.shape
                    )
                self._note("%s with a tensor for an argument" % original.__name__)
                return original(*args, **kwargs)
            return drawing(*args, **kwargs)

        return call

    def _variable(self, draw: Function, original: Function) -> Function:
        """Make one of the backend's functions for random variables draw from NumPy, always."""

        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = _bind(original, args, kwargs)
            numbers = self._draw(draw, arguments)
            name = arguments.get("name")
            if numbers is None:
                self._note("%s: %s" % (name, original.__name__))
                return original(*args, **kwargs)
            return self._backend.variable(numbers, dtype=str(numbers.dtype), name=name)

        return call

    def _draw(self, draw: Function, arguments: Dict[str, Any]) -> Any:
        """Draw by a backend function's arguments; None if some are tensors without a value."""
        shape, first, second = list(arguments.values())[:3]
        try:
            sizes = tuple(int(size) for size in shape)
            first, second = float(first), float(second)
        except TypeError:
            return None
        dtype = arguments["dtype"] or self._backend.floatx()
        # NumPy does not accept TensorFlow's own types, but they have the same names.
        dtype = getattr(dtype, "name", dtype)
        return draw(self._stream(arguments.get("seed")), sizes, first, second, dtype)

    def _stream(self, seed: Any) -> Any:
        """Return the generator of the next draw; a seed that the script sets decides alone."""
        key = (RUN_SEED, self._seed, self.drawn) if seed is None else (OWN_SEED, int(seed))
        self.drawn += 1
        return draws.stream(*key)

    def _add_weight(self, original: Function) -> Function:
        creating = self._initializer(original)

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            before = self.drawn
            weight = creating(layer, *args, **kwargs)
            arguments = _bind(original, (layer, *args), kwargs)
            name = arguments.get("name")
            label = "%s/%s" % (layer.name, name)
            if self._flips and self._is_kernel(layer, name):
                setattr(weight, FLIPPED, True)
            if self.drawn == before:
                self._note_unknown(label, arguments.get("initializer"))
            elif self._is_kernel(layer, name):
                if self._flips:
                    self._backend.set_value(weight, flipped(self._backend.get_value(weight)))
                    self.converted += 1
            else:
                setattr(weight, UNCONVERTED, label)
            return weight

        return call

    def _is_kernel(self, layer: Any, name: Any) -> bool:
        return any(isinstance(layer, kind) and name in names for kind, names in self._kernels)

    def _convolution(self, original: Function) -> Function:
        """Note a drawn weight that turns out to be the kernel of a layer that is not Keras's."""

        def call(*args: Any, **kwargs: Any) -> Any:
            kernel = _bind(original, args, kwargs).get("kernel")
            label = getattr(kernel, UNCONVERTED, None)
            if label is not None and max(self._backend.int_shape(kernel)[:-2]) > 1:
                self._note("%s: %s" % (label, original.__name__))
            return original(*args, **kwargs)

        return call

    def _note_unknown(self, label: str, initializer: Any) -> None:
        """Note an initializer that drew nothing here, unless it is Keras's own and constant."""
        initializer = self._keras.initializers.get(initializer)
        package = str(getattr(initializer, "__module__", "")).partition(".")[0]
        if package != self._keras.__name__:
            name = getattr(initializer, "__name__", type(initializer).__name__)
            self._note("%s: %s" % (label, name))

    def _note(self, name: str) -> None:
        self.own.always = True
        if name not in self.not_paired and len(self.not_paired) < MAX_NOT_PAIRED:
            self.not_paired.append(name)


def flipped(kernel: Any) -> Any:
    """Flip a kernel in all axes but the last two, the channels.

    The function is its own inverse. It does what ``convert_kernel`` does in
    keras/utils/conv_utils.py, tag 2.3.1.
    """
    backwards = (slice(None, None, -1),) * (kernel.ndim - 2)
    return numpy.ascontiguousarray(kernel[backwards])


def _without_drawing(original: Function) -> Function:
    def call(*args: Any, **kwargs: Any) -> Any:
        state = numpy.random.get_state()
        try:
            return original(*args, **kwargs)
        finally:
            numpy.random.set_state(state)

    return call


def _wrap(owner: Any, name: str, wrapper: Callable[[Function], Function]) -> None:
    original = getattr(owner, name)
    setattr(owner, name, functools.wraps(original)(wrapper(original)))


def _bind(function: Function, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Return all arguments by name, with defaults, in the order of the signature."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)
