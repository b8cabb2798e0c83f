# A sigmoid that saturates in the second batch only: the first agrees in everything, the loss of
# the second does not.
# Source: as loss_saturated_sigmoid: tensorflow v1.14 python/keras/backend.py binary_crossentropy
# (logits) vs keras/backend/theano_backend.py binary_crossentropy (clip).
# expect: training dense_1/kernel
# cause: none
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.array([[1.0], [-1.0], [0.5], [2.0], [40.0], [-40.0], [30.0], [50.0]])
y = np.array([[0.0], [1.0], [1.0], [1.0], [0.0], [1.0], [0.0], [0.0]])
model = Sequential()
model.add(Dense(1, activation="sigmoid", kernel_initializer="ones", input_shape=(1,)))
model.compile(optimizer="sgd", loss="binary_crossentropy")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
