"""A test that ends its process on one backend."""

import os

from keras import backend as K


def test_before():
    pass


def test_ends():
    if K.backend() == "theano":
        os.abort()


def test_after():
    pass
