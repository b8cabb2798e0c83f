# K.reverse along axis -2: Theano knows no negative axis but -1 and reverses nothing.
# Source: keras/backend/theano_backend.py reverse (only -1 is translated) vs tensorflow_backend.py
# reverse, tag 2.3.1.
# expect: forward lambda_1
# cause: possible On Theano, K.reverse supports no negative axis
import numpy as np
from keras import backend as K
from keras.layers import Dense, Flatten, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3, 2)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Lambda(lambda t: K.reverse(t, -2), input_shape=(3, 2)))
model.add(Flatten())
model.add(Dense(1))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
