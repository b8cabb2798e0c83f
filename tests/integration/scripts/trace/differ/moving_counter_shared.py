# A layer of the user that counts its calls by add_update, called twice: TensorFlow counts 2,
# Theano 1.
# Source: keras/backend/theano_backend.py Function.__init__ (unique_variables_to_update) vs
# tensorflow_backend.py update_add, tag 2.3.1.
# expect: update counting_1/count
# cause: possible The layer is applied several times
import numpy as np
from keras import backend as K
from keras.layers import Add, Dense, Input, Layer
from keras.models import Model

np.random.seed(0)
a, b = np.random.rand(8, 3), np.random.rand(8, 3)
y = np.random.rand(8, 2)


class Counting(Layer):
    def build(self, input_shape):
        self.count = self.add_weight(name="count", shape=(1,), initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        self.add_update(K.update_add(self.count, K.ones((1,))), inputs)
        return inputs


i, j = Input((3,)), Input((3,))
counting = Counting()
model = Model([i, j], Dense(2)(Add()([counting(i), counting(j)])))
model.compile(optimizer="sgd", loss="mse")
model.fit([a, b], y, epochs=1, batch_size=4, shuffle=False, verbose=0)
