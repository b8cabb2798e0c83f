"""Every way of Keras 2.3.1 to build, train and ask a model, in one script."""

import argparse

import keras
import keras.backend as K
import numpy as np
from helper_beside import rows
from keras import Input, Model, layers
from keras.callbacks import Callback, EarlyStopping
from keras.engine.topology import Layer
from keras.layers.core import Dense
from keras.models import Sequential
from keras.utils import Sequence

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
epochs = parser.parse_args().epochs

x, y = rows()


class Scale(Layer):
    def build(self, input_shape):
        self.factor = self.add_weight(
            name="factor", shape=(input_shape[-1],), initializer="ones", trainable=True
        )
        super().build(input_shape)

    def call(self, inputs):
        return inputs * self.factor


class Count(Callback):
    seen = 0

    def on_epoch_end(self, epoch, logs=None):
        Count.seen += 1


class Batches(Sequence):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return x[index * 4 : index * 4 + 4], y[index * 4 : index * 4 + 4]


class Net(Model):
    def __init__(self):
        super().__init__(name="net")
        self.dense = layers.Dense(1, kernel_initializer="ones")

    def call(self, inputs):
        return self.dense(inputs)


def half_loss(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred), axis=-1) / 2


def generator():
    while True:
        yield x[:4], y[:4]


sequential = Sequential([Scale(input_shape=(3,)), Dense(1, kernel_initializer="ones")])
sequential.compile("sgd", half_loss, metrics=["mae", half_loss])
sequential.fit(x, y, 4, epochs, 0, [Count()], shuffle=False, validation_split=0.25)
sequential.fit_generator(generator(), steps_per_epoch=2, epochs=2, verbose=0)
sequential.fit_generator(Batches(), epochs=1, verbose=0, validation_data=(x, y), shuffle=False)
sequential.evaluate(x, y, verbose=0)
sequential.evaluate_generator(Batches())
sequential.predict(x)
sequential.predict_generator(Batches())
assert Count.seen == epochs

left, right = Input((3,), name="left"), Input((3,), name="right")
shared = layers.Dense(2, kernel_initializer="ones", name="shared")
joined = layers.concatenate([shared(left), shared(right)])
two = Model(
    [left, right],
    [
        layers.Dense(1, kernel_initializer="ones", name="a")(joined),
        layers.Dense(1, kernel_initializer="ones", name="b")(joined),
    ],
)
two.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"a": 0.01, "b": 0.01})
two.fit(
    {"left": x, "right": x},
    {"a": y, "b": y},
    epochs=1,
    verbose=0,
    shuffle=False,
    callbacks=[EarlyStopping("loss")],
)
two.predict([x, x])

subclassed = Net()
subclassed.compile(keras.optimizers.SGD(0.01), "mse")
subclassed.fit(x, y, epochs=1, verbose=0, shuffle=False)
for _ in range(3):
    subclassed.train_on_batch(x, y)
print("all done")
