# Convolution kernels set from arrays: Theano turns the kernel around, TensorFlow does not.
# Source: keras/engine/saving.py _need_convert_kernel; keras/backend/theano_backend.py conv2d
# (filter_flip), tag 2.3.1.
# expect: start conv1d_1/kernel
# cause: proven Theano's convolutions turn the kernel around
import numpy as np
from keras.layers import Conv1D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 5, 1)
y = np.random.rand(8, 3, 1)
model = Sequential()
model.add(Conv1D(1, 3, input_shape=(5, 1)))
model.layers[0].set_weights([np.array([1.0, 2.0, 3.0]).reshape(3, 1, 1), np.zeros(1)])
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
