# K.max over equal values: TensorFlow divides the gradient among the ties, Theano gives all of it
# to each.
# Source: Theano/Theano#4568; tensorflow v1.14 python/ops/math_grad.py _MinOrMaxGrad.
# expect: gradient lambda_1
# cause: possible At ties of a maximum
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Dense(4, kernel_initializer="ones", input_shape=(3,)))
model.add(Lambda(lambda t: K.max(t, axis=1, keepdims=True), output_shape=(1,)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
