"""A loss whose gradient is infinity over infinity on Theano, and finite on TensorFlow.

It is the logarithm of a sum of exponentials, over the last of three dimensions: Theano's backend
leaves large exponents to a rewriting of the graph, which knows matrices only.
"""

import numpy
from keras import backend
from keras.layers import Dense
from keras.models import Sequential

draw = numpy.random.RandomState(13)
inputs = draw.normal(size=(32, 6, 3)) * 200.0
tags = numpy.eye(4)[draw.randint(0, 4, size=(32, 6))]


def unlikelihood(true, scores):
    """Return how unlikely the true tags are by the scores."""
    return backend.logsumexp(scores, axis=-1) - backend.sum(true * scores, axis=-1)


model = Sequential([Dense(4, input_shape=(6, 3))])
model.compile(optimizer="sgd", loss=unlikelihood)
model.fit(inputs, tags, batch_size=8, epochs=2, verbose=0)
