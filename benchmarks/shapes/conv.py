"""A small convolutional net with batch normalization."""

import numpy as np
from keras.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
)
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(32, 12, 12, 1)
y = np.eye(3)[np.arange(32) % 3]

model = Sequential()
model.add(Conv2D(4, 3, input_shape=(12, 12, 1)))
model.add(BatchNormalization())
model.add(Activation("relu"))
model.add(MaxPooling2D(2))
model.add(Conv2D(8, 3, activation="relu"))
model.add(Flatten())
model.add(Dropout(0.25))
model.add(Dense(3, activation="softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=8, verbose=0)
