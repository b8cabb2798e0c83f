# Dense layers, regularizer, constraint, momentum, clipnorm, several metrics.
import numpy as np
from keras.constraints import max_norm
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD
from keras.regularizers import l2

np.random.seed(0)
x = np.random.rand(8, 5)
y = np.array([[0.0], [1.0]] * 4)
model = Sequential()
model.add(Dense(6, activation="selu", kernel_regularizer=l2(0.01), input_shape=(5,)))
model.add(Dense(4, activation="softplus", kernel_constraint=max_norm(1.0)))
model.add(Dense(1, activation="sigmoid"))
model.compile(
    optimizer=SGD(0.1, momentum=0.9, nesterov=True, clipnorm=0.1),
    loss="binary_crossentropy",
    metrics=["accuracy", "mae"],
)
model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0)
