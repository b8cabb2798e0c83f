# BatchNormalization of features of small variance: Theano's moving variance takes in epsilon.
# Source: keras/backend/theano_backend.py normalize_batch_in_training (returns inv(stdinv ** 2) =
# var + epsilon) vs tensorflow_backend.py _regular_normalize_batch_in_training, tag 2.3.1.
# expect: update batch_normalization_1/moving_variance
# cause: possible On Theano the variance that is averaged includes epsilon
import numpy as np
from keras.layers import BatchNormalization, Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3) * 0.1
y = np.random.rand(8, 2)
model = Sequential()
model.add(BatchNormalization(momentum=0.5, input_shape=(3,)))
model.add(Dense(2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
