# Recurrent layers, one of them stateful, in wrappers, of masked sequences.
import numpy as np
from keras.layers import GRU, LSTM, Bidirectional, Dense, Masking, TimeDistributed
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3, 2)
x[::2, 2:] = 0.0
y = np.random.rand(8, 2)
model = Sequential()
model.add(Masking(batch_input_shape=(4, 3, 2)))
model.add(Bidirectional(GRU(2, unroll=True, return_sequences=True)))
model.add(TimeDistributed(Dense(3, activation="tanh")))
model.add(LSTM(2, unroll=True, stateful=True))
model.compile(optimizer="rmsprop", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
