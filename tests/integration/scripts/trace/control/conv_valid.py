# A stack of valid convolutions and pooling.
import numpy as np
from keras.layers import Conv2D, GlobalAveragePooling2D, MaxPooling2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 8, 8, 1)
y = np.random.rand(8, 2)
model = Sequential()
model.add(Conv2D(2, 3, activation="tanh", input_shape=(8, 8, 1)))
model.add(MaxPooling2D(2))
model.add(Conv2D(2, 2, strides=1))
model.add(GlobalAveragePooling2D())
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
