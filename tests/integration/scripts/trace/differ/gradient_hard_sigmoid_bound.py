# hard_sigmoid at exactly -2.5: at the lower bound of its clip the gradient is 0.2 on TensorFlow,
# 0 on Theano.
# Source: Theano rel-1.0.4 tensor/nnet/sigm.py hard_sigmoid (0.2 * x + 0.5 in float32, clip) vs
# tensorflow v1.14 python/keras/backend.py hard_sigmoid.
# expect: gradient dense_1
# cause: possible At the bounds where hard_sigmoid is clipped
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.full((8, 2), -1.25)
y = np.ones((8, 1))
model = Sequential()
model.add(Dense(1, activation="hard_sigmoid", kernel_initializer="ones", input_shape=(2,)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
