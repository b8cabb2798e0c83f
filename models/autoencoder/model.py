"""An autoencoder of handwritten digits with two inputs and two outputs.

The data are 1797 real images of 8 x 8 pixels, in digits.csv.gz beside this file (see
DATA.md). The encoder sees only the image and squeezes it into eight numbers. From
these the net tells the digit; from these and the true digit, its second input, it
draws the image again. Every fifth image is kept for the test.

Run it by hand with `python model.py`.
"""

import os
import time

import numpy as np
from keras.layers import Dense, Input, concatenate
from keras.models import Model
from keras.optimizers import Adam
from keras.utils import to_categorical


def load_digits():
    """Return the images as rows of 64 values in 0..1, and the one-hot labels."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv.gz")
    rows = np.loadtxt(path, delimiter=",", dtype="float32")
    return rows[:, :64] / 16, to_categorical(rows[:, 64], 10)


def build_model():
    """Return the two-headed model; its outputs are named reconstruction and digit."""
    image = Input(shape=(64,), name="image")
    label = Input(shape=(10,), name="label")
    hidden = Dense(32, activation="relu")(image)
    code = Dense(8, name="code")(hidden)
    digit = Dense(10, activation="softmax", name="digit")(code)
    hidden = Dense(32, activation="relu")(concatenate([code, label]))
    reconstruction = Dense(64, activation="sigmoid", name="reconstruction")(hidden)

    model = Model(inputs=[image, label], outputs=[reconstruction, digit])
    model.compile(
        optimizer=Adam(learning_rate=0.005),
        loss={"reconstruction": "mse", "digit": "categorical_crossentropy"},
        loss_weights={"reconstruction": 10.0, "digit": 1.0},
        metrics={"digit": ["accuracy"]},
    )
    return model


def main():
    images, labels = load_digits()
    test = np.arange(len(images)) % 5 == 0
    x_train, y_train = images[~test], labels[~test]
    x_test, y_test = images[test], labels[test]

    model = build_model()
    start = time.perf_counter()
    model.fit([x_train, y_train], [x_train, y_train], epochs=15, batch_size=32)
    seconds = time.perf_counter() - start
    # The whole loss, each output's own, then the one metric.
    loss, pixel_error, digit_loss, accuracy = model.evaluate([x_test, y_test], [x_test, y_test])

    print(f"Training took {seconds:.4f} seconds")
    print(f"Test loss: {loss:.4f}")
    print(f"Test error of the pixels: {pixel_error:.4f}")
    print(f"Test loss of the digits: {digit_loss:.4f}")
    print(f"Test accuracy of the digits: {accuracy:.4f}")


if __name__ == "__main__":
    main()
