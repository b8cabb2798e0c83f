# Conv1D(padding='causal') on sequences of unknown length: TypeError (None + int) on Theano only.
# Source: keras/backend/theano_backend.py temporal_padding (x._keras_shape[1] + sum(padding)), tag
# 2.3.1.
# expect: build conv1d_1
# cause: possible On Theano, causal padding needs an input of known length
import numpy as np
from keras.layers import Conv1D, GlobalAveragePooling1D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 6, 2)
y = np.random.rand(8, 3)
model = Sequential()
model.add(Conv1D(3, 2, padding="causal", input_shape=(None, 2)))
model.add(GlobalAveragePooling1D())
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
