# Embedding looked up with index -1: InvalidArgumentError on TensorFlow only, Theano takes the
# last row.
# Source: keras/backend/theano_backend.py gather (reference[indices]) vs tensorflow_backend.py
# gather (tf.nn.embedding_lookup), tag 2.3.1.
# expect: build embedding_1
# cause: proven An index below 0
import numpy as np
from keras.layers import Embedding, GlobalAveragePooling1D
from keras.models import Sequential

np.random.seed(0)
x = np.array([[0, 1], [2, -1], [3, 1], [-1, -1]] * 2)
y = np.random.rand(8, 2)
model = Sequential()
model.add(Embedding(4, 2, input_length=2))
model.add(GlobalAveragePooling1D())
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
