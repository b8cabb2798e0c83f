# Separable, depthwise and locally connected layers, valid.
import numpy as np
from keras.layers import DepthwiseConv2D, LocallyConnected2D, SeparableConv2D
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 5, 5, 2)
y = np.random.rand(8, 2, 2, 2)
model = Sequential()
model.add(DepthwiseConv2D(2, input_shape=(5, 5, 2)))
model.add(SeparableConv2D(2, 2))
model.add(LocallyConnected2D(2, 2))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
