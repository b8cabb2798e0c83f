"""Create weights of all kinds, paired for one seed, and write them as JSON."""

import json
import sys

import keras
import numpy
from keras import backend as K
from keras import initializers
from keras.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Conv2D,
    Dense,
    Embedding,
    Flatten,
    GaussianNoise,
    Layer,
    LocallyConnected1D,
    PReLU,
    SimpleRNN,
)
from keras.models import Sequential, clone_model

from keras_matrix_probe.keras2 import paired

NAMES = (
    *("uniform", "normal", "truncated_normal", "glorot_uniform", "glorot_normal"),
    *("he_uniform", "he_normal", "lecun_uniform", "lecun_normal", "orthogonal"),
)
SHAPE = (3, 3, 8, 16)


def from_backend(shape, dtype=None):
    return K.random_normal(shape, dtype=dtype) * 0.5 + K.ones(shape)


def from_numpy(shape, dtype=None):
    return numpy.random.normal(size=shape)


def of_keras(shape, dtype=None):
    return initializers.he_normal()(shape, dtype=dtype)


class OwnInitializer(initializers.RandomUniform):
    pass


class OwnConvolution(Layer):
    def build(self, input_shape):
        self.mask = self.add_weight("mask", (input_shape[-1],), initializer="uniform")
        self.point = self.add_weight("point", (1, 1, 1, 2), initializer="uniform")
        self.kernel = self.add_weight("kernel", (3, 3, 2, 2), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs):
        return K.conv2d(K.conv2d(inputs * self.mask, self.point), self.kernel)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] - 2, input_shape[2] - 2, 2)


def weights(*layers):
    """Return the layers' weights, kernels as TensorFlow has them."""
    found = []
    for layer in Sequential(list(layers)).layers:
        for weight in layer.get_weights():
            turned = K.backend() == "theano" and isinstance(layer, Conv2D) and weight.ndim == 4
            found.append((weight[::-1, ::-1] if turned else weight).tolist())
    return found


def value(tensor):
    return (K.eval(tensor) if K.is_tensor(tensor) else numpy.asarray(tensor)).tolist()


numpy.random.seed(3)
pairing = paired.install(keras, 7)
found = {}
for name in NAMES:
    numpy.random.rand()
    found["direct " + name] = value(initializers.get(name)(SHAPE))
    found["layer " + name] = weights(Dense(7, kernel_initializer=name, input_shape=(6,)))
found["mean"] = value(initializers.RandomNormal(mean=3, stddev=0.5)(SHAPE))
found["bounds"] = value(initializers.RandomUniform(2, 4)(SHAPE))
found["gain"] = value(initializers.Orthogonal(gain=2)((5, 7)))

for kind in (initializers.RandomNormal, initializers.Orthogonal):
    first, second = kind(seed=5), kind(seed=5)
    found["seed " + kind.__name__] = [value(each((4, 4))) for each in (first, first, second)]
    found["left " + kind.__name__] = first.get_config()["seed"]

found["recurrent"] = weights(
    Embedding(9, 4, input_length=5),
    LSTM(3, return_sequences=True, bias_initializer="uniform"),
    GRU(3, return_sequences=True),
    SimpleRNN(3, return_sequences=True),
    BatchNormalization(),
    PReLU(alpha_initializer="normal"),
    LocallyConnected1D(2, 3),
)
twice = Sequential([Dense(2, input_shape=(3,))])
found["clone"] = [weights(twice), weights(clone_model(twice))]
found["variable"] = value(K.random_normal_variable((3, 4), 1, 2))
found["seeded variable"] = value(K.random_uniform_variable((3, 4), low=1, high=2, name="a"))

found["of the backend"] = weights(
    Conv2D(2, 3, kernel_initializer=from_backend, input_shape=(5, 5, 1))
)
found["of Keras"] = weights(Conv2D(2, 3, kernel_initializer=of_keras, input_shape=(5, 5, 1)))
found["own initializer"] = weights(
    Conv2D(2, 3, kernel_initializer=OwnInitializer(-1, 1), input_shape=(5, 5, 1))
)
found["noted before"] = list(pairing.not_paired)
converted = pairing.converted

# Not drawn here: left as the script made them.
given = numpy.arange(9.0).reshape(3, 3, 1, 1)
constant = Conv2D(1, 3, kernel_initializer=initializers.Constant(given), input_shape=(5, 5, 1))
loaded = Conv2D(1, 3, input_shape=(5, 5, 1), use_bias=False)
Sequential([constant])
model = Sequential([loaded])
model.set_weights([given])
found["left alone"] = [constant.get_weights()[0].tolist(), model.get_weights()[0].tolist()]
found["converted"] = [converted, pairing.converted]

Sequential([Dense(2, kernel_initializer=from_numpy, input_shape=(3,), name="dense")])
Sequential([OwnConvolution(input_shape=(5, 5, 1), name="own")])
value(initializers.RandomNormal(stddev=K.constant(2.0))((2, 2)))
found["noted"] = pairing.not_paired

drawn = pairing.drawn
K.random_normal((2,))
Sequential([GaussianNoise(1.0, input_shape=(2,))])
found["noise"] = pairing.drawn - drawn
found["drawn"] = drawn

convolution = Conv2D(4, 3, activation="relu", input_shape=(6, 6, 1))
model = Sequential([convolution, Flatten(), Dense(1)])
model.compile("sgd", "mse")
examples = numpy.random.RandomState(2).uniform(-1, 1, (64, 6, 6, 1))
history = model.fit(examples, examples[:, 0, 0], batch_size=8, epochs=3, verbose=0)
found["losses"] = history.history["loss"]
found["next of NumPy"] = numpy.random.random_sample()

K.set_floatx("float64")
found["float64"] = value(initializers.get("glorot_uniform")((3, 4)))
found["float64 dtype"] = K.dtype(K.variable(initializers.get("glorot_uniform")((3, 4))))
with open(sys.argv[1], "w") as file:
    json.dump(found, file)
