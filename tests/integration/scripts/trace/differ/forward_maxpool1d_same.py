# MaxPooling1D(2, padding='same') on length 4: Theano pads at both ends, TensorFlow not at all.
# Source: keras-team/keras#13841, #6936, #5090; keras/backend/theano_backend.py pool2d (pad =
# pool_size - 1 on both sides), tag 2.3.1.
# expect: forward max_pooling1d_1
# cause: proven With padding 'same' TensorFlow pads as little
import numpy as np
from keras.layers import Dense, Flatten, MaxPooling1D
from keras.models import Sequential

np.random.seed(0)
x = np.arange(8 * 4).reshape(8, 4, 1) % 7 / 7.0
y = np.random.rand(8, 1)
model = Sequential()
model.add(MaxPooling1D(2, padding="same", input_shape=(4, 1)))
model.add(Flatten())
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
