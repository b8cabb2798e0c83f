# A metric that is the mean of integers: TensorFlow's is an integer too (0), Theano's is not.
# Source: keras/backend/theano_backend.py mean (dtype floatx for ints) vs tensorflow_backend.py
# mean (casts booleans only), tag 2.3.1.
# expect: loss hits
# cause: possible K.mean of integers
import numpy as np
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.eye(2)[np.arange(8) % 2]


def hits(y_true, y_pred):
    same = K.equal(K.argmax(y_true), K.argmax(y_pred))
    return K.mean(K.cast(same, "int32"))


model = Sequential()
model.add(Dense(2, activation="softmax", kernel_initializer="zeros", input_shape=(3,)))
model.compile(optimizer="sgd", loss="categorical_crossentropy", metrics=[hits])
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
