"""Compile what Keras programs have in common: the modules that a run then finds in the image.

Small networks are built and trained here, with the layers, losses and optimizers that most
scripts have some of. What a script needs besides is compiled when it runs, and kept.
"""

import os
import shutil
import sys

import theano
from theano.gof.op import Op

PENDING = [Op]
while PENDING:
    kind = PENDING.pop()
    PENDING += kind.__subclasses__()
    # As the probe does: an op with no properties is not one with no version (theano/gof/cc.py).
    if kind.__dict__.get("__props__") == ():
        del kind.__props__

import numpy as np  # noqa: E402 # after the ops are mended
from keras import layers, models  # noqa: E402 # after the ops are mended

DENSE = np.zeros((8, 6), "float32")
IMAGES = np.zeros((8, 9, 9, 2), "float32")
ONE = np.zeros((8, 1), "float32")
CLASSES = np.eye(3, dtype="float32")[np.arange(8) % 3]


def classifier(last, activation):
    return models.Sequential(
        [
            layers.Dense(5, activation="relu", input_shape=(6,)),
            layers.Dropout(0.3),
            layers.Dense(4, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(last, activation=activation),
        ]
    )


def convolutional():
    return models.Sequential(
        [
            layers.Conv2D(3, (3, 3), activation="relu", input_shape=(9, 9, 2)),
            layers.Conv2D(4, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(5, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def train(model, x, y, loss, optimizer):
    model.compile(loss=loss, optimizer=optimizer, metrics=["accuracy"])
    model.fit(x, y, batch_size=4, epochs=1, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.predict(x)


def main():
    for optimizer in ("rmsprop", "adam", "sgd"):
        train(classifier(1, "sigmoid"), DENSE, ONE, "binary_crossentropy", optimizer)
        train(classifier(3, "softmax"), DENSE, CLASSES, "categorical_crossentropy", optimizer)
        train(convolutional(), IMAGES, CLASSES, "categorical_crossentropy", optimizer)
    train(classifier(1, None), DENSE, ONE, "mse", "rmsprop")

    folder = theano.config.compiledir
    shutil.rmtree(os.path.join(folder, "lock_dir"), ignore_errors=True)
    for entry in os.listdir(folder):
        inside = os.path.join(folder, entry)
        if not os.path.isdir(inside):
            os.unlink(inside)
            continue
        shutil.rmtree(os.path.join(inside, "__pycache__"), ignore_errors=True)
        for name in os.listdir(inside):
            if name.endswith(".cpp"):
                os.unlink(os.path.join(inside, name))
    if not any(name.startswith("tmp") for name in os.listdir(folder)):
        sys.exit("warm.py: Theano has kept no module in %s" % folder)


if __name__ == "__main__":
    main()
