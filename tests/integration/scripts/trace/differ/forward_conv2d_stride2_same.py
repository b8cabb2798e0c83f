# Conv2D(3, strides=2, padding='same') on an even size: Theano pads both sides, TensorFlow only
# the end.
# Source: keras-team/keras#5652, #9473; keras/backend/theano_backend.py conv2d (border_mode
# 'half') vs tf.nn.convolution SAME, tag 2.3.1.
# expect: forward conv2d_1
# cause: possible With padding 'same' TensorFlow pads as little
import numpy as np
from keras.layers import Conv2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4, 4, 1)
y = np.random.rand(8, 2, 2, 2)
model = Sequential()
model.add(Conv2D(2, 3, strides=2, padding="same", input_shape=(4, 4, 1)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
