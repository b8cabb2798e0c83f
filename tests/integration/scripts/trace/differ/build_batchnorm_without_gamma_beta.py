# BatchNormalization without gamma and beta: Theano gets ones of the input's shape for gamma, and
# returns a mean and a variance that the moving averages cannot take; TensorFlow trains.
# Source: keras-team/keras#18894; keras/backend/theano_backend.py normalize_batch_in_training
# (gamma = ones_like(x)), tag 2.3.1.
# expect: build batch_normalization_1
# cause: proven Without gamma and beta
import numpy as np
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 4, 4, 1)
y = np.random.rand(8, 2)
model = Sequential()
model.add(Conv2D(2, 3, use_bias=False, input_shape=(4, 4, 1)))
model.add(BatchNormalization(center=False, scale=False))
model.add(Flatten())
model.add(Dense(2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
