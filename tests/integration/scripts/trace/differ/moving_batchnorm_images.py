# BatchNormalization of images: TensorFlow's fused kernel already applies Bessel's correction,
# Keras does again.
# Source: tensorflow/tensorflow#55545, keras-team/keras#9028; v1.14
# core/kernels/fused_batch_norm_op.cc (rest_size / (rest_size - 1)); keras/layers/normalization.py
# BatchNormalization.call, tag 2.3.1.
# expect: update batch_normalization_1/moving_variance
# cause: possible TensorFlow's fused batch normalization returns the variance
import numpy as np
from keras.layers import BatchNormalization, Conv2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 2, 2, 1) * 10
y = np.random.rand(8, 2, 2, 1)
model = Sequential()
model.add(BatchNormalization(epsilon=0.002, momentum=0.5, input_shape=(2, 2, 1)))
model.add(Conv2D(1, 1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
