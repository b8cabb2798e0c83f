# relu of exactly 0 (zero-initialized kernel): its gradient is 0 on TensorFlow, 0.5 on Theano.
# Source: Theano rel-1.0.4 tensor/nnet/nnet.py relu (0.5 * (x + abs(x))) vs tensorflow v1.14
# ReluGrad (x > 0).
# expect: gradient dense_1
# cause: proven At exactly 0
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Dense(4, activation="relu", kernel_initializer="zeros", input_shape=(3,)))
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
