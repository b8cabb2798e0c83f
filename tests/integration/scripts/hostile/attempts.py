"""What the hostile scripts share: attempts that are to be refused, system calls, a model."""

import ctypes
import os

import numpy as np
from keras.layers import Dense
from keras.models import Sequential

SEED = int(np.random.get_state()[1][0])
"""The replicate's seed: the first ones attack, and the next ones tell what came of it."""
RUNS_AS_CALLER = os.stat("/output").st_uid == os.getuid()
"""Whether the cell runs as who called keras-matrix, as it does where that is not root."""
libc = ctypes.CDLL(None, use_errno=True)


class Attempts:
    """Makes attempts; each that is not refused is told."""

    def __init__(self):
        self.made = 0

    def __call__(self, what, function, *arguments):
        """Attempt to call a function."""
        self.made += 1
        try:
            found = function(*arguments)
        except (OSError, ValueError, IndexError):
            return
        print("GOT", what, repr(found)[:200])

    def in_output(self, what, function, *arguments):
        """Attempt to write beside the own output folder, where the caller can: without effect."""
        if RUNS_AS_CALLER:
            self.made += 1
            function(*arguments)
        else:
            self(what, function, *arguments)

    def see(self, what, found):
        """Tell of what is seen and should not be."""
        self.made += 1
        if found:
            print("GOT", what, repr(found)[:200])

    def done(self):
        """Tell how many attempts were made."""
        print("TRIED", self.made)


def call(name, *arguments):
    """Call a function of libc."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def read(path):
    """Read a file's beginning; an empty one is as good as none."""
    with open(path, "rb") as file:
        return file.read(100)[0]


def write(path, content=b"x"):
    """Write to a file."""
    with open(path, "wb", buffering=0) as file:
        return file.write(content)


def train():
    """Train a model whose figures are the same in all replicates."""
    x = np.random.RandomState(0).rand(64, 4)
    model = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
    model.compile(optimizer="sgd", loss="mse")
    model.fit(x, x.sum(axis=1) + 1.0, epochs=2, verbose=0, shuffle=False)
    return model
