"""Train on MNIST's first rows."""

from keras.datasets import mnist
from keras.layers import Dense, Flatten
from keras.models import Sequential

(x_train, y_train), (x_test, y_test) = mnist.load_data()
model = Sequential([Flatten(input_shape=(28, 28)), Dense(10, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train / 255.0, y_train, epochs=3, batch_size=8, verbose=0)
model.evaluate(x_test / 255.0, y_test, verbose=0)
