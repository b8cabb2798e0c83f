# A constraint that normalizes short weights: the gradients agree, the updated weights do not.
# Source: keras/backend/theano_backend.py l2_normalize (epsilon() 1e-7) vs tf.nn.l2_normalize
# (1e-12), tag 2.3.1.
# expect: update dense_1/kernel
# cause: possible The smallest norm that l2_normalize divides by
import numpy as np
from keras import backend as K
from keras.initializers import Constant
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.zeros((8, 2))


def unit(w):
    return K.l2_normalize(w, axis=0)


model = Sequential()
model.add(Dense(2, kernel_initializer=Constant(1e-5), kernel_constraint=unit, input_shape=(3,)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
