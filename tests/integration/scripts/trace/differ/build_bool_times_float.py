# Lambda multiplying floats by a comparison: TypeError on TensorFlow only, Theano casts.
# Source: tensorflow v1.14 math_ops.py binary_op_wrapper (no implicit casts) vs Theano rel-1.0.4
# scalar/basic.py upcast_out.
# expect: build lambda_1
# cause: possible TensorFlow multiplies no floats by booleans
import numpy as np
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.random.randn(8, 3)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Lambda(lambda t: t * (t > 0), input_shape=(3,)))
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
