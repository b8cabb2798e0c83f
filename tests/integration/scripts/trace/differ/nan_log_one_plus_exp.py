# log(1 + exp(t)) of values above 88: inf on TensorFlow only, Theano rewrites it as softplus.
# Source: Theano rel-1.0.4 tensor/nnet/sigm.py log1pexp_to_softplus;
# keras/backend/tensorflow_backend.py log, exp, tag 2.3.1.
# expect: nan lambda_1
# cause: possible Theano rewrites log(sigmoid)
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.full((8, 2), 100.0)
y = np.zeros((8, 2))
model = Sequential()
model.add(Dense(2, kernel_initializer="identity", input_shape=(2,)))
model.add(Lambda(lambda t: K.log(1.0 + K.exp(t))))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
