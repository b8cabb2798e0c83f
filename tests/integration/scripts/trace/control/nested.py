# A model within a model.
import numpy as np
from keras.layers import Dense, Input
from keras.models import Model, Sequential

np.random.seed(0)
x = np.random.rand(8, 4)
y = np.random.rand(8, 1)
inner = Sequential([Dense(3, activation="sigmoid", input_shape=(4,)), Dense(3)])
i = Input((4,))
model = Model(i, Dense(1)(inner(i)))
model.compile(optimizer="adadelta", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
