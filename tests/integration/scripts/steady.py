"""A linear model whose first weights are drawn: each seed has figures of its own."""

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

x = np.random.RandomState(0).rand(64, 4)
model = Sequential([Dense(1, input_shape=(4,))])
model.compile(optimizer="sgd", loss="mse")
model.fit(x, x.sum(axis=1) + 1, epochs=2, verbose=0)
model.predict(x)
