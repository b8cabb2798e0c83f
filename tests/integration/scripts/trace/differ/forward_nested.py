# A pooling that differs, within a model within the model: told by its own place.
# Source: keras-team/keras#13841; keras/backend/theano_backend.py pool2d, tag 2.3.1.
# expect: forward model_1/max_pooling1d_1
# cause: possible With padding 'same' TensorFlow pads as little
import numpy as np
from keras.layers import Conv1D, Dense, Flatten, Input, MaxPooling1D
from keras.models import Model

np.random.seed(0)
x = np.random.rand(8, 4, 2)
y = np.random.rand(8, 1)
given = Input((4, 2))
inner = Model(given, MaxPooling1D(2, padding="same")(Conv1D(2, 1)(given)))
outer = Input((4, 2))
model = Model(outer, Dense(1)(Flatten()(inner(outer))))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
