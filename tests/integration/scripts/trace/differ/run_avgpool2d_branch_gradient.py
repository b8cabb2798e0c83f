# AveragePooling2D(padding='same') beside a convolution that takes the same tensor, as in
# InceptionV3: Theano has no gradient for the pooling, and the convolution is not to blame.
# Source: Theano rel-1.0.4 tensor/signal/pool.py AveragePoolGrad ("padding must be zero for
# average_exc_pad"); keras/backend/theano_backend.py pool2d (mode 'average_exc_pad'), tag 2.3.1.
# expect: build average_pooling2d_1
# cause: possible Theano has no gradient for an average
import numpy as np
from keras.layers import AveragePooling2D, Concatenate, Conv2D, Dense, Flatten, Input
from keras.models import Model

np.random.seed(0)
x = np.random.rand(4, 4, 4, 3)
y = np.random.rand(4, 2)
inputs = Input((4, 4, 3))
below = Conv2D(4, 3, padding="same")(inputs)
plain = Conv2D(3, 1)(below)
pooled = Conv2D(3, 1)(AveragePooling2D(3, strides=1, padding="same")(below))
outputs = Dense(2)(Flatten()(Concatenate()([plain, pooled])))
model = Model(inputs, outputs)
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=2, shuffle=False, verbose=0)
