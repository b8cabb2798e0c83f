"""Train by hand, batch by batch, as adversarial nets do."""

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

x = np.random.RandomState(0).rand(32, 4)
y = x.sum(axis=1)

model = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
model.compile(optimizer="sgd", loss="mse")
for _ in range(5):
    model.train_on_batch(x, y)
for _ in range(2):
    model.train_on_batch(x[:16], y[:16])
print(model.test_on_batch(x, y))
model.predict_on_batch(x)
