# Dot(normalize=True) of short vectors, the cosine similarity: the smallest norm differs.
# Source: keras/layers/merge.py Dot.call -> K.l2_normalize: theano_backend.py epsilon() 1e-7 vs
# tf.nn.l2_normalize 1e-12, tag 2.3.1.
# expect: forward dot_1
# cause: possible The smallest norm that l2_normalize divides by
import numpy as np
from keras.layers import Dense, Dot, Input
from keras.models import Model

np.random.seed(0)
a, b = np.random.rand(8, 3) * 1e-4, np.random.rand(8, 3)
y = np.random.rand(8, 1)
i, j = Input((3,)), Input((3,))
o = Dense(1)(Dot(axes=1, normalize=True)([i, j]))
model = Model([i, j], o)
model.compile(optimizer="sgd", loss="mse")
model.fit([a, b], y, epochs=1, batch_size=4, shuffle=False, verbose=0)
