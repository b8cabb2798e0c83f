"""A recurrent net on padded sequences with an output for each step and one for all of them."""

import numpy as np
from keras.layers import GRU, LSTM, Bidirectional, Dense, Input, Masking, TimeDistributed
from keras.models import Model

np.random.seed(0)
x = np.random.rand(16, 6, 3)
x[::2, 4:] = 0.0
tags = np.eye(4)[np.random.randint(0, 4, (16, 6))]
marks = np.random.randint(0, 2, (16, 1))

sequence = Input((6, 3))
steps = Bidirectional(LSTM(5, return_sequences=True))(Masking()(sequence))
tag = TimeDistributed(Dense(4, activation="softmax"), name="tag")(steps)
mark = Dense(1, activation="sigmoid", name="mark")(GRU(5)(steps))
model = Model(sequence, [tag, mark])
model.compile("rmsprop", {"tag": "categorical_crossentropy", "mark": "binary_crossentropy"})
model.fit(x, [tags, marks], epochs=2, batch_size=8, verbose=0)
