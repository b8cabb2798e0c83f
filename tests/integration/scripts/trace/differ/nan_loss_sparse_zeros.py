# sparse_categorical_crossentropy of outputs that are all 0 (dead relu): NaN on Theano (0 / 0),
# clipped on TensorFlow.
# Source: keras/backend/theano_backend.py categorical_crossentropy (output /= sum) vs tensorflow
# v1.14 python/keras/backend.py sparse_categorical_crossentropy (clip, log), tag 2.3.1.
# expect: nan loss
# cause: possible For a row of outputs that are all 0
import numpy as np
from keras.initializers import Constant
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.array([0, 1, 2, 0] * 2)
model = Sequential()
model.add(Dense(3, activation="relu", kernel_initializer=Constant(-1.0), input_shape=(3,)))
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
