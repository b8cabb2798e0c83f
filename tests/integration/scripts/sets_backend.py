"""Ask for a backend of its own, which is not the script's to choose."""

import os

os.environ["KERAS_BACKEND"] = "theano"
