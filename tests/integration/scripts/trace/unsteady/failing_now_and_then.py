# Fails in every second run, by chance, on any backend: once the model has been trained, as a
# checkpoint does that sometimes cannot be locked.
import numpy as np
from keras.layers import Dense
from keras.models import Sequential

np.random.seed(0)
x = np.random.rand(8, 3)
y = np.random.rand(8, 1)
model = Sequential()
model.add(Dense(1, input_shape=(3,)))
model.compile(optimizer="sgd", loss="mse")
model.fit(x, y, epochs=1, batch_size=4, shuffle=False, verbose=0)
with open("/proc/sys/kernel/random/uuid") as drawn:
    if int(drawn.read().strip()[-1], 16) % 2:
        raise OSError("Unable to open file (unable to lock file)")
