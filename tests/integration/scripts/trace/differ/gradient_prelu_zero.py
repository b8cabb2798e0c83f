# PReLU at exactly 0 (zero inputs): gradient at the kink.
# Source: keras/layers/advanced_activations.py PReLU.call (a formula of its own for Theano), tag
# 2.3.1.
# expect: gradient p_re_lu_1
# cause: possible At exactly 0
import numpy as np
from keras.initializers import Constant
from keras.layers import Dense, PReLU
from keras.models import Sequential

np.random.seed(0)
x = np.zeros((8, 3))
y = np.random.rand(8, 1)
model = Sequential()
model.add(Dense(4, input_shape=(3,)))
model.add(PReLU(alpha_initializer=Constant(0.25)))
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
