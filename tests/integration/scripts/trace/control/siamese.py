# Control (must agree): a layer shared by two inputs.
import numpy as np

np.random.seed(0)
from keras.models import Model
from keras.layers import Dense, Input, Subtract

a, b = np.random.rand(8, 4), np.random.rand(8, 4)
y = np.random.rand(8, 1)
i, j = Input((4,)), Input((4,))
shared = Dense(3, activation="tanh")
o = Dense(1)(Subtract()([shared(i), shared(j)]))
model = Model([i, j], o)
model.compile(optimizer="adagrad", loss="mae")
model.fit([a, b], y, epochs=1, batch_size=4, shuffle=False, verbose=0)
