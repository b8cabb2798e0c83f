"""Train a layer that no other script has, so that Theano has to compile for it."""

import keras.backend as K
import numpy as np
from keras.layers import Dense, Lambda
from keras.models import Sequential

model = Sequential(
    [Dense(2, input_dim=2), Lambda(lambda x: K.exp(-K.abs(x) * 0.37) + K.sqrt(K.abs(x) + 1.31))]
)
model.compile("sgd", "mse")
model.fit(np.ones((4, 2)), np.ones((4, 2)), epochs=2, verbose=0)
