# The mean of integers in a Lambda: TensorFlow truncates it to an integer, Theano does not.
# Source: keras/backend/theano_backend.py mean (dtype floatx for ints) vs tensorflow_backend.py
# mean (casts booleans only), tag 2.3.1.
# expect: forward lambda_1
# cause: possible K.mean of integers
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.array([[0, 1, 1], [2, 0, 0], [1, 1, 2], [0, 0, 1]] * 2)
y = np.random.rand(8, 1)
model = Sequential()
model.add(
    Lambda(
        lambda t: K.cast(K.mean(K.cast(t, "int32"), axis=1, keepdims=True), "float32"),
        output_shape=(1,),
        input_shape=(3,),
    )
)
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
