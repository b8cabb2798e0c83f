"""Tests of a file that only one image can import."""

import tensorflow as tf


def test_it():
    assert tf.__version__ == "1.14.0"
