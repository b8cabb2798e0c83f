# Valid pooling of all kinds, zero padding, cropping, upsampling.
import numpy as np
from keras.layers import (
    AveragePooling2D,
    Conv2D,
    Cropping2D,
    GlobalAveragePooling2D,
    MaxPooling2D,
    UpSampling2D,
    ZeroPadding2D,
)
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 9, 9, 2)
y = np.random.rand(8, 2)
model = Sequential()
model.add(ZeroPadding2D(1, input_shape=(9, 9, 2)))
model.add(AveragePooling2D(2))
model.add(MaxPooling2D(3, strides=1))
model.add(Conv2D(2, 2))
model.add(UpSampling2D(2))
model.add(Cropping2D(1))
model.add(GlobalAveragePooling2D())
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
