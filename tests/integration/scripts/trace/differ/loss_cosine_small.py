# cosine_proximity of short vectors: norms are raised to sqrt(1e-7) on Theano, to sqrt(1e-12) on
# TensorFlow.
# Source: keras/losses.py cosine_proximity -> K.l2_normalize: theano_backend.py epsilon() vs
# tf.nn.l2_normalize 1e-12, tag 2.3.1.
# expect: loss loss
# cause: possible The smallest norm that l2_normalize divides by
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3) * 1e-4
y = np.random.rand(8, 2)
model = Sequential()
model.add(Dense(2, kernel_initializer="ones", input_shape=(3,)))
model.compile(optimizer="sgd", loss="cosine_proximity")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
