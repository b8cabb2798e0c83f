# SeparableConv1D with an even kernel and padding='same' as the output layer: length 6 against 5,
# so Theano cannot even subtract the targets.
# Source: keras-team/keras#13849; keras/backend/theano_backend.py separable_conv1d (crops by the
# pointwise kernel's shape, 1), tag 2.3.1.
# expect: shape separable_conv1d_1
# cause: possible Theano pads half of an even kernel
import numpy as np
from keras.layers import SeparableConv1D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 5, 2)
y = np.random.rand(8, 5, 2)
model = Sequential()
model.add(SeparableConv1D(2, 2, padding="same", input_shape=(5, 2)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
