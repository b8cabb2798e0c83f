# AveragePooling2D(padding='same') above a trained layer: Theano has no gradient for it, an error
# when run.
# Source: Theano rel-1.0.4 tensor/signal/pool.py AveragePoolGrad ("padding must be zero for
# average_exc_pad"); keras/backend/theano_backend.py pool2d (mode 'average_exc_pad'), tag 2.3.1.
# expect: build average_pooling2d_1
# cause: possible Theano has no gradient for an average
import numpy as np
from keras.layers import AveragePooling2D, Conv2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4, 4, 1)
y = np.random.rand(8, 4, 4, 1)
model = Sequential()
model.add(Conv2D(1, 1, input_shape=(4, 4, 1)))
model.add(AveragePooling2D(3, strides=1, padding="same"))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
