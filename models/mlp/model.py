"""A small perceptron on random data: the case of the backend comparison tutorial.

The labels are random, so there is nothing to learn: the test accuracy is a coin toss
over 100 labels, and the loss stays near log(2) = 0.6931. Nothing is seeded, as in the
tutorial, so no two runs give the same figures.

Run it by hand with `python model.py`.
"""

import time

import numpy as np
from keras.layers import Dense, Dropout
from keras.models import Sequential

# The tutorial's own text draws only 100 training labels for its 1000 training inputs,
# which Keras refuses to run. Here every input has its label.
x_train = np.random.random((1000, 20))
y_train = np.random.randint(2, size=(1000, 1))
x_test = np.random.random((100, 20))
y_test = np.random.randint(2, size=(100, 1))

model = Sequential()
model.add(Dense(64, input_dim=20, activation="relu"))
model.add(Dropout(0.5))
model.add(Dense(64, activation="relu"))
model.add(Dropout(0.5))
model.add(Dense(1, activation="sigmoid"))

model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])

start = time.perf_counter()
model.fit(x_train, y_train, epochs=20, batch_size=128)
seconds = time.perf_counter() - start

loss, accuracy = model.evaluate(x_test, y_test, batch_size=128)

print(f"Training took {seconds:.4f} seconds")
print(f"Test loss: {loss:.4f}")
print(f"Test accuracy: {accuracy:.4f}")
