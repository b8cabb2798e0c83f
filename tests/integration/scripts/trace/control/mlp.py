# Dense layers, softmax, crossentropy, RMSprop.
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 5)
y = np.eye(3)[np.arange(8) % 3]
model = Sequential()
model.add(Dense(6, activation="relu", input_shape=(5,)))
model.add(Dense(3, activation="softmax"))
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0)
