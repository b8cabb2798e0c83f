# K.sqrt of negative values: 0 under both, but the gradient is NaN on Theano, 0 on TensorFlow.
# Source: keras/backend/theano_backend.py sqrt (clip, then sqrt: 0 * inf) vs tensorflow v1.14
# python/ops/clip_ops.py clip_by_value (minimum, maximum, whose gradients select), tag 2.3.1.
# expect: nan lambda_1
# cause: possible K.sqrt first clips its argument
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.array([[-1.0, 4.0], [1.0, -2.0], [-3.0, 9.0], [2.0, -4.0]] * 2)
y = np.zeros((8, 2))
model = Sequential()
model.add(Dense(2, kernel_initializer="identity", input_shape=(2,)))
model.add(Lambda(lambda t: K.sqrt(t)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
