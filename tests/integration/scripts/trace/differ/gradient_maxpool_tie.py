# MaxPooling2D over equal values (blank images): TensorFlow's gradient goes to the first, Theano's
# to all of them.
# Source: Theano/Theano#5404, #5248; Theano rel-1.0.4 tensor/signal/pool.py MaxPoolGrad (all
# maxima) vs tensorflow v1.14 maxpooling_op.cc (argmax).
# expect: gradient max_pooling2d_1
# cause: proven Where several elements of a window are the largest
import numpy as np
from keras.layers import Conv2D, MaxPooling2D
from keras.models import Sequential

np.random.seed(0)
x = np.ones((8, 4, 4, 1))
y = np.random.rand(8, 2, 2, 2)
model = Sequential()
model.add(Conv2D(2, 1, input_shape=(4, 4, 1)))
model.add(MaxPooling2D(2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
