# An optimizer of the user with two updates of each weight (a step, then a shrinkage): Theano
# silently keeps the first alone.
# Source: keras/backend/theano_backend.py Function.__init__ (unique_variables_to_update) vs
# tensorflow_backend.py update_sub (tf.assign_sub), tag 2.3.1.
# expect: update dense_1/kernel
# cause: possible If one variable has several updates
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 1)


class ShrinkingSGD(SGD):
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        for p, g in zip(params, grads):
            self.updates.append(K.update_sub(p, self.lr * g))
            self.updates.append(K.update_sub(p, 0.01 * K.ones_like(p)))
        return self.updates


model = Sequential()
model.add(Dense(1, kernel_initializer="ones", input_shape=(3,)))
model.compile(optimizer=ShrinkingSGD(lr=0.1), loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
