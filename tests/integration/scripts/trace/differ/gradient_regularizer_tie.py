# A regularizer by the largest weight, with all of them alike: Theano gives each the whole gradient,
# TensorFlow shares it among them. No layer passes that gradient on: it is of the weight alone.
# Source: tensorflow v1.14 math_grad.py _MinOrMaxGrad vs Theano rel-1.0.4 tensor/basic.py
# MaxAndArgmax.grad.
# expect: gradient dense_1/kernel
# cause: possible At ties of a maximum
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 2)
model = Sequential()
model.add(
    Dense(
        2,
        input_shape=(3,),
        kernel_initializer="ones",
        kernel_regularizer=lambda w: 0.01 * K.max(w),
    )
)
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
