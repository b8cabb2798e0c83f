"""Tests of which some pass on one backend only."""

import numpy as np
import pytest
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential


def test_passes_on_both():
    model = Sequential([Dense(2, input_shape=(3,), kernel_initializer="ones")])
    assert np.allclose(model.predict(np.ones((1, 3))), 3)


def test_passes_on_tf_only():
    assert K.get_session() is not None


def test_passes_on_theano_only():
    assert K.eval(K.reverse(K.constant([[1.0, 2.0]]), 1)).shape == (1, 2)
    assert K.backend() == "theano", "TensorFlow is not wanted\nhere"


@pytest.mark.skipif(K.backend() == "theano", reason="has no sessions")
def test_is_skipped_on_theano():
    assert K.get_session() is not None


@pytest.mark.skip(reason="of no use")
def test_is_skipped():
    raise AssertionError


@pytest.mark.xfail(reason="known")
def test_is_expected_to_fail():
    raise AssertionError


@pytest.mark.parametrize("where", ["here", K.backend()])
def test_has_the_backend_in_its_name(where):
    assert where
