"""Compile the C++ modules that most Keras programs need of Theano, so that the image has them.

This builds and trains small networks with the layers, losses and optimizers that most scripts use
some of. A module that a script needs besides is compiled when the script runs, and kept.
"""

import os
import shutil
import sys

import theano
from theano.gof.op import Op

PENDING_CLASSES = [Op]
while PENDING_CLASSES:
    op_class = PENDING_CLASSES.pop()
    PENDING_CLASSES += op_class.__subclasses__()
    # As the probe does: Theano takes an op without properties for one without a version, whose
    # module it would compile again in each process (theano/gof/cc.py).
    if op_class.__dict__.get("__props__") == ():
        del op_class.__props__

import numpy as np  # noqa: E402 # after the ops are patched
from keras import layers, models  # noqa: E402 # after the ops are patched

DENSE = np.zeros((8, 6), "float32")
IMAGES = np.zeros((8, 9, 9, 2), "float32")
TARGETS = np.zeros((8, 1), "float32")
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
        train(classifier(1, "sigmoid"), DENSE, TARGETS, "binary_crossentropy", optimizer)
        train(classifier(3, "softmax"), DENSE, CLASSES, "categorical_crossentropy", optimizer)
        train(convolutional(), IMAGES, CLASSES, "categorical_crossentropy", optimizer)
    train(classifier(1, None), DENSE, TARGETS, "mse", "rmsprop")

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
