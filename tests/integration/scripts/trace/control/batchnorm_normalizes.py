# BatchNormalization in training, trainable=False: outputs and gradients agree and no moving
# average is updated.
import numpy as np
from keras.layers import BatchNormalization, Dense, LeakyReLU
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 2)
model = Sequential()
model.add(Dense(4, use_bias=False, input_shape=(3,)))
model.add(BatchNormalization(trainable=False))
model.add(LeakyReLU(0.1))
model.add(Dense(2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
