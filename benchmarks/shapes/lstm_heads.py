"""A recurrent net with two dense heads: a class and a number from each sequence."""

import numpy as np
from keras.layers import LSTM, Dense, Input
from keras.models import Model

np.random.seed(0)
x = np.random.rand(32, 10, 4)
classes = np.eye(3)[np.arange(32) % 3]
numbers = np.random.rand(32, 1)

sequence = Input((10, 4))
state = LSTM(8)(LSTM(8, return_sequences=True)(sequence))
head = Dense(3, activation="softmax", name="class")(Dense(8, activation="relu")(state))
number = Dense(1, name="number")(Dense(8, activation="tanh")(state))
model = Model(sequence, [head, number])
model.compile("adam", ["categorical_crossentropy", "mse"], metrics={"class": ["accuracy"]})
model.fit(x, [classes, numbers], epochs=2, batch_size=8, verbose=0)
