"""Input of every kind that Keras 3's fit takes here, several models, loops, predictions."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
keras.optimizers.SGD(0.01, decay=1e-6)
x = rng.normal(size=(64, 4)).astype("float32")
y = rng.normal(size=(64, 1)).astype("float32")


def build(name):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(1)], name=name)
    model.compile(keras.optimizers.SGD(0.01), "mse", metrics=["mae"])
    return model


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = slice(index * 16, index * 16 + 16)
        return x[rows], y[rows]


def generate():
    while True:
        for start in range(0, 64, 16):
            yield x[start : start + 16], y[start : start + 16]


model = build("pairs")
model.fit(Batches(), epochs=2, verbose=0)
model.fit(generate(), steps_per_epoch=4, epochs=2, verbose=0)
print(model.evaluate(x, y, verbose=0))
if keras.config.backend() == "tensorflow":
    import tensorflow as tf

    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
elif keras.config.backend() == "torch":
    import torch

    pairs = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    batches = torch.utils.data.DataLoader(pairs, batch_size=16)
else:
    batches = Batches()
model.fit(batches, epochs=2, shuffle=False, verbose=0)
other = build("loops")
for start in range(0, 64, 16):
    values = other.train_on_batch(x[start : start + 16], y[start : start + 16])
other.test_on_batch(x, y)
other.predict(x[:8], verbose=0)
lazy = keras.Sequential([layers.Dense(2), layers.Dense(1)])
lazy.compile("adam", "mse")
lazy.fit(x, y, epochs=2, verbose=0)
lazy.predict_on_batch(x[:2])
