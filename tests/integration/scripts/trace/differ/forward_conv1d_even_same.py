# Conv1D with an even kernel and padding='same': Theano sees one step back, TensorFlow one ahead.
# Source: keras-team/keras#5652; keras/backend/theano_backend.py _postprocess_conv2d_output
# ('half' padding, cropped at the end), tag 2.3.1.
# expect: forward conv1d_1
# cause: possible With padding 'same' TensorFlow pads as little
import numpy as np
from keras.layers import Conv1D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 5, 2)
y = np.random.rand(8, 5, 3)
model = Sequential()
model.add(Conv1D(3, 2, padding="same", input_shape=(5, 2)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
