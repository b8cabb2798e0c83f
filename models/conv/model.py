"""A small convolutional net that tells handwritten digits apart.

The data are 1797 real images of 8 x 8 pixels, in digits.csv.gz beside this file (see
DATA.md). Every fifth image is kept for the test. There is no dropout: two runs differ
only in their initial weights and in the order of the images.

Run it by hand with `python model.py`.
"""

import os
import time

import numpy as np
from keras import backend as K
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.optimizers import Adam
from keras.utils import to_categorical


def load_digits():
    """Return the images, scaled to 0..1, and the one-hot labels."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv.gz")
    rows = np.loadtxt(path, delimiter=",", dtype="float32")
    shape = (1, 8, 8) if K.image_data_format() == "channels_first" else (8, 8, 1)
    return rows[:, :64].reshape((-1, *shape)) / 16, to_categorical(rows[:, 64], 10)


def build_model(input_shape):
    """Two convolutions without padding, one pooling, one dense layer."""
    model = Sequential()
    model.add(Conv2D(16, (3, 3), activation="relu", input_shape=input_shape))
    model.add(Conv2D(32, (3, 3), activation="relu"))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(10, activation="softmax"))
    model.compile(
        loss="categorical_crossentropy",
        optimizer=Adam(learning_rate=0.005),
        metrics=["accuracy"],
    )
    return model


def main():
    x, y = load_digits()
    test = np.arange(len(x)) % 5 == 0
    x_train, y_train = x[~test], y[~test]
    x_test, y_test = x[test], y[test]

    model = build_model(x.shape[1:])
    start = time.perf_counter()
    model.fit(x_train, y_train, epochs=5, batch_size=32, validation_data=(x_test, y_test))
    seconds = time.perf_counter() - start
    loss, accuracy = model.evaluate(x_test, y_test)

    print(f"Training took {seconds:.4f} seconds")
    print(f"Test loss: {loss:.4f}")
    print(f"Test accuracy: {accuracy:.4f}")


if __name__ == "__main__":
    main()
