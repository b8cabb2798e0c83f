# Embedding (its gradient is sparse on TensorFlow), average, momentum.
import numpy as np
from keras.layers import Dense, Embedding, GlobalAveragePooling1D
from keras.models import Sequential
from keras.optimizers import SGD

np.random.seed(0)
x = np.arange(24).reshape(8, 3) % 5
y = np.array([0, 1, 2, 1] * 2)
model = Sequential()
model.add(Embedding(5, 3, input_length=3))
model.add(GlobalAveragePooling1D())
model.add(Dense(3, activation="softmax"))
model.compile(
    optimizer=SGD(0.1, momentum=0.9), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.fit(x, y, epochs=2, batch_size=4, shuffle=False, verbose=0)
