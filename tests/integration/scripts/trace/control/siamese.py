# A layer shared by two inputs.
import numpy as np
from keras.layers import Dense, Input, Subtract
from keras.models import Model

np.random.seed(0)
a, b = np.random.rand(8, 4), np.random.rand(8, 4)
y = np.random.rand(8, 1)
i, j = Input((4,)), Input((4,))
shared = Dense(3, activation="tanh")
o = Dense(1)(Subtract()([shared(i), shared(j)]))
model = Model([i, j], o)
model.compile(optimizer="adagrad", loss="mae")
model.fit([a, b], y, epochs=1, batch_size=4, shuffle=False, verbose=0)
