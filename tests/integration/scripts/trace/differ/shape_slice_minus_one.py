# K.slice with a size of -1 ("all that is left"): Theano drops the last sample of the batch.
# Source: keras/backend/theano_backend.py slice (x[start:start + size]) vs tensorflow_backend.py
# slice (tf.slice), tag 2.3.1.
# expect: shape lambda_1
# cause: possible On Theano, K.slice
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Dense(4, input_shape=(4,)))
model.add(Lambda(lambda t: K.slice(t, [0, 1], [-1, 2]), output_shape=(2,)))
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
