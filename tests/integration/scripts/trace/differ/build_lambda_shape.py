# Lambda that changes the shape, without output_shape: Theano takes the input's shape for it, so
# the next Dense does not fit.
# Source: keras/layers/core.py Lambda.compute_output_shape ("Defaulting to output shape ... same
# as input shape"), tag 2.3.1.
# expect: build lambda_1
# cause: proven Without output_shape
import numpy as np
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Lambda(lambda t: t[:, :2], input_shape=(4,)))
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
