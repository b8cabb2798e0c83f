# A recurrent layer's dropout: Keras leaves it out on Theano, with a warning.
# Source: keras-team/keras#8660; SimpleRNN.__init__ in keras/layers/recurrent.py, tag 2.3.1.
# expect: forward simple_rnn_1
# cause: possible Keras on Theano has no dropout
import numpy as np
from keras.layers import SimpleRNN
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3, 4)
y = np.random.rand(8, 2)
model = Sequential()
model.add(SimpleRNN(2, dropout=0.5, unroll=True, input_shape=(3, 4)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
