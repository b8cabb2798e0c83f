"""Products of two tensors of four dimensions, which both backends compute alike to rounding."""

import numpy
from keras import backend
from keras.layers import Dense, Flatten, Input, Lambda
from keras.models import Model

draw = numpy.random.RandomState(26)
queries = draw.normal(size=(24, 2, 3, 4))
keys = draw.normal(size=(24, 2, 4, 3))

query, key = Input((2, 3, 4)), Input((2, 4, 3))
mixed = Dense(4, name="mixed")(query)
product = Lambda(
    lambda pair: backend.batch_dot(pair[0], pair[1]), output_shape=(2, 3, 2, 3), name="product"
)([mixed, key])
model = Model([query, key], Dense(1)(Flatten()(product)))
model.compile(optimizer="sgd", loss="mse")
model.fit([queries, keys], queries[:, 0, 0, :1], batch_size=8, epochs=2, verbose=0)
model.evaluate([queries, keys], queries[:, 0, 0, :1], verbose=0)
