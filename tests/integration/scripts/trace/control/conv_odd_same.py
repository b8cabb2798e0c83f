# Odd kernels, stride 1, same; causal of known length.
import numpy as np
from keras.layers import Conv1D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 6, 2)
y = np.random.rand(8, 6, 2)
model = Sequential()
model.add(Conv1D(3, 3, padding="same", activation="relu", input_shape=(6, 2)))
model.add(Conv1D(2, 2, padding="causal", dilation_rate=2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
