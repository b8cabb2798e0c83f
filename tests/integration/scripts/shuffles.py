"""Trains on shuffled samples from drawn weights, with nothing else that is drawn."""

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

x = np.random.RandomState(0).rand(50, 4)
y = x.sum(axis=1, keepdims=True) + 1.0

model = Sequential([Dense(3, activation="tanh", input_shape=(4,)), Dense(1)])
model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
model.fit(x, y, epochs=3, batch_size=16, verbose=0)
model.predict(x)
