"""Capture a model at its first training call: what ``keras-matrix trace`` does inside a cell.

In: a model with its first batch, and which layers to replay. Out: arrays of outputs, gradients and
updates, in the order that they are computed in. It compares nothing: that is the host's.
"""
