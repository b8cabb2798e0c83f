"""Trains as Keras 2 did: under Keras 3 there is no such method."""

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

model = Sequential([Dense(1, input_dim=2)])
model.compile("sgd", "mse")
batch = (np.zeros((4, 2)), np.zeros((4, 1)))
model.fit_generator((batch for _ in range(2)), steps_per_epoch=2, epochs=1)
