"""A recurrent net that reads lines of text: bidirectional, with the CTC loss in a Lambda layer."""

import numpy as np
from keras import backend
from keras.layers import GRU, Bidirectional, Dense, Input, Lambda
from keras.models import Model

SAMPLES, STEPS, FEATURES, LABELS, CLASSES = 16, 12, 6, 4, 7

np.random.seed(0)
lines = np.random.rand(SAMPLES, STEPS, FEATURES)
texts = np.random.randint(0, CLASSES - 1, (SAMPLES, LABELS))


def ctc(arguments):
    predictions, labels, steps, characters = arguments
    return backend.ctc_batch_cost(labels, predictions, steps, characters)


line = Input((STEPS, FEATURES), name="line")
labels = Input((LABELS,), name="labels")
steps = Input((1,), name="steps", dtype="int64")
characters = Input((1,), name="characters", dtype="int64")
read = Bidirectional(GRU(8, return_sequences=True))(line)
predictions = Dense(CLASSES, activation="softmax", name="predictions")(read)
cost = Lambda(ctc, output_shape=(1,), name="ctc")([predictions, labels, steps, characters])
model = Model([line, labels, steps, characters], cost)
model.compile("sgd", {"ctc": lambda truth, cost: cost})
inputs = [lines, texts, np.full((SAMPLES, 1), STEPS), np.full((SAMPLES, 1), LABELS)]
model.fit(inputs, np.zeros((SAMPLES, 1)), epochs=2, batch_size=8, verbose=0)
