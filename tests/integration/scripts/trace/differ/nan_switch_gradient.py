# K.switch around a logarithm, at 0: the gradient of the branch not taken is NaN on TensorFlow
# only.
# Source: keras/backend/tensorflow_backend.py switch (tf.where: 0 * inf) vs Theano rel-1.0.4
# tensor/opt.py (switch lifted over the division).
# expect: nan lambda_1
# cause: possible TensorFlow's gradient of K.switch
import numpy as np
from keras import backend as K
from keras.layers import Dense, Lambda
from keras.models import Sequential

np.random.seed(0)
x = np.array([[0.0, 0.0], [1.0, 2.0], [0.0, 3.0], [2.0, 0.0]] * 2)
y = np.zeros((8, 2))
model = Sequential()
model.add(Dense(2, kernel_initializer="identity", input_shape=(2,)))
model.add(Lambda(lambda t: K.switch(K.greater(t, 0.0), K.log(t), K.zeros_like(t))))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
