"""Fail two functions deep, after one fit."""

import numpy as np
from keras.layers import Dense
from keras.models import Sequential


def deep(value):
    return {}[value]


model = Sequential([Dense(1, input_shape=(2,))])
model.compile("sgd", "mse")
model.fit(np.zeros((4, 2)), np.zeros(4), verbose=0)
deep("absent")
