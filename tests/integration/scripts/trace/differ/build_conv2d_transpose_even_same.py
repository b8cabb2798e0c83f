# Conv2DTranspose with an even kernel and padding='same': ValueError on Theano only.
# Source: keras-team/keras#6302, #6613; keras/backend/theano_backend.py conv2d_transpose (raises)
# vs tensorflow_backend.py conv2d_transpose, tag 2.3.1.
# expect: build conv2d_transpose_1
# cause: proven Keras does not support even kernels
import numpy as np
from keras.layers import Conv2DTranspose
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4, 4, 1)
y = np.random.rand(8, 8, 8, 2)
model = Sequential()
model.add(Conv2DTranspose(2, 2, strides=2, padding="same", input_shape=(4, 4, 1)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
