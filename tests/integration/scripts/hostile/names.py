"""Give models, metrics and an exception names that terminals, pages and CI systems would obey."""

import keras.backend as K
import numpy as np
from attempts import SEED
from keras.layers import Dense
from keras.models import Sequential

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>"
TERMINAL = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\x00\u202egnp.exe\u2066"
COMMAND = "\n::error file=x,line=1::owned\n| a | b |\n=HYPERLINK(1)"
NAME = "evil" + MARKUP + TERMINAL + COMMAND


def evil(y_true, y_pred):
    """Measure nothing."""
    return K.mean(y_pred)


model = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
model.compile(optimizer="sgd", loss="mse", metrics=[evil])
# Backends take no such names for their graphs; the record does.
model.name = model.layers[0].name = NAME
for metric in model.metrics:
    metric.name = NAME
x = np.random.RandomState(0).rand(64, 4)
model.fit(x, x.sum(axis=1), epochs=2, verbose=0, shuffle=False)
model.evaluate(x, x.sum(axis=1), verbose=0)
print(NAME)
if SEED == 1:
    raise type("Evil" + MARKUP + TERMINAL.replace("\0", ""), (ValueError,), {})(NAME)
