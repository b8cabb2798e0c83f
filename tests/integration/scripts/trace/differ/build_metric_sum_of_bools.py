# A metric that sums comparisons: TypeError on TensorFlow only (tf.reduce_sum takes no booleans).
# Source: keras/backend/tensorflow_backend.py sum (no cast, unlike mean) vs theano_backend.py sum,
# tag 2.3.1.
# expect: build the script
# cause: none
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 1)


def close(y_true, y_pred):
    return K.sum(K.less(K.abs(y_true - y_pred), 0.5))


model = Sequential()
model.add(Dense(1, input_shape=(3,)))
model.compile(optimizer="sgd", loss="mse", metrics=[close])
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
