"""Seed everything, train with all that draws, and print every figure to the last digit."""

import random
import sys

import keras.backend as K
import numpy as np
from keras.layers import Dense, Dropout
from keras.models import Sequential

seed = int(sys.argv[1])
random.seed(seed)
np.random.seed(seed)
if K.backend() == "tensorflow":
    import tensorflow as tf

    tf.set_random_seed(seed)
model = Sequential([Dense(7, activation="selu", input_dim=3), Dropout(0.2), Dense(1)])
model.compile("adam", "mse")
x, y = np.random.random((40, 3)), np.random.random((40, 1))
history = model.fit(x, y, epochs=3, batch_size=8, verbose=0).history["loss"]
weights = [repr(float(value)) for array in model.get_weights() for value in array.ravel()]
print("FIGURES", [repr(float(value)) for value in history], weights)
