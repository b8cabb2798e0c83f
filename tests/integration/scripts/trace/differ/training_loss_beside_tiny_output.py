# A sigmoid of -44: 7.8e-20 on TensorFlow, 0 on Theano. Nobody could tell these apart, but the loss
# is far apart where the target is 1, which is in the second batch only.
# Source: as loss_saturated_sigmoid: tensorflow v1.14 python/keras/backend.py binary_crossentropy
# (logits) vs keras/backend/theano_backend.py binary_crossentropy (clip).
# expect: loss loss
# cause: possible The output is a sigmoid, so TensorFlow computes the loss from the logits
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.array([[-44.0], [-44.0], [-44.0], [-44.0], [-62.0], [1.0], [-62.0], [0.5]])
y = np.array([[0.0], [0.0], [0.0], [0.0], [1.0], [1.0], [1.0], [0.0]])
model = Sequential()
model.add(Dense(1, activation="sigmoid", kernel_initializer="ones", input_shape=(1,)))
model.compile(optimizer="sgd", loss="binary_crossentropy")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
