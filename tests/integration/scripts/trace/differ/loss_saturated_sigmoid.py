# binary_crossentropy of a saturated sigmoid: TensorFlow goes back to the logits, Theano clips at
# 1e-7.
# Source: tensorflow v1.14 python/keras/backend.py binary_crossentropy (output.op.type 'Sigmoid')
# vs keras/backend/theano_backend.py binary_crossentropy, tag 2.3.1.
# expect: loss loss
# cause: proven The output is a sigmoid, so TensorFlow computes the loss from the logits
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.array([[40.0], [-40.0], [30.0], [1.0]] * 2)
y = np.array([[0.0], [1.0], [1.0], [1.0]] * 2)
model = Sequential()
model.add(Dense(1, activation="sigmoid", kernel_initializer="ones", input_shape=(1,)))
model.compile(optimizer="sgd", loss="binary_crossentropy")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
