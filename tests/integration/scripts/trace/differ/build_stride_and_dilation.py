# Conv2D with strides > 1 and dilation_rate > 1: ValueError on TensorFlow only.
# Source: tensorflow v1.14 python/ops/nn_ops.py ("strides > 1 not supported in conjunction with
# dilation_rate > 1").
# expect: build conv2d_1
# cause: possible TensorFlow has no convolution that both strides and dilates
import numpy as np
from keras.layers import Conv2D, GlobalAveragePooling2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 7, 7, 1)
y = np.random.rand(8, 2)
model = Sequential()
model.add(Conv2D(2, 3, strides=2, dilation_rate=2, input_shape=(7, 7, 1)))
model.add(GlobalAveragePooling2D())
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
