# MaxPooling2D over windows of zeros behind a relu: TensorFlow gives the gradient to the first
# place, Theano to all; the relu passes it on to none, so no weight gets it.
# Source: as gradient_maxpool_tie: Theano rel-1.0.4 tensor/signal/pool.py MaxPoolGrad vs tensorflow
# v1.14 maxpooling_op.cc.
# expect: gradient max_pooling2d_1
import numpy as np
from keras.layers import Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4, 4, 1) + 0.1
x[:, :, 2:] *= -1.0
y = np.random.rand(8, 1)
model = Sequential()
model.add(Conv2D(2, 1, activation="relu", kernel_initializer="ones", input_shape=(4, 4, 1)))
model.add(MaxPooling2D(2))
model.add(Flatten())
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
