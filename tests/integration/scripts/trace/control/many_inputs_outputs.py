# Two inputs, two outputs, loss weights.
import numpy as np
from keras.layers import Concatenate, Dense, Input
from keras.models import Model

np.random.seed(0)
a, b = np.random.rand(8, 3), np.random.rand(8, 2)
y, z = np.random.rand(8, 1), np.eye(2)[np.arange(8) % 2]
i, j = Input((3,)), Input((2,))
h = Dense(4, activation="tanh")(Concatenate()([i, j]))
model = Model([i, j], [Dense(1, name="r")(h), Dense(2, activation="softmax", name="c")(h)])
model.compile(
    optimizer="adagrad", loss=["mse", "categorical_crossentropy"], loss_weights=[1.0, 0.3]
)
model.fit([a, b], [y, z], epochs=1, batch_size=4, shuffle=False, verbose=0)
