# Twelve layers; two of them together fail on Theano: a Lambda that changes the shape without
# saying so, and the Dense layer that is then built for another number of features.
import numpy as np
from keras.layers import Activation, BatchNormalization, Dense, Dropout, Lambda
from keras.models import Sequential

rng = np.random.RandomState(0)
x = rng.normal(size=(32, 6))
y = rng.normal(size=(32, 1))
model = Sequential()
model.add(Dense(8, activation="tanh", input_shape=(6,)))
model.add(BatchNormalization())
model.add(Dense(8))
model.add(Activation("relu"))
model.add(Dropout(0.2))
model.add(Lambda(lambda t: t[:, :4]))
model.add(Dense(8, activation="tanh"))
model.add(BatchNormalization())
model.add(Dense(8))
model.add(Activation("relu"))
model.add(Dense(4))
model.add(Dense(1))
model.compile(optimizer="adam", loss="mse")
model.fit(x, y, epochs=1, batch_size=16, shuffle=False, verbose=0)
