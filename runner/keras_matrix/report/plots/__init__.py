"""Plots of what was recorded, compared, reproduced and traced; with their numbers and words.

To import this loads matplotlib. No figure of it is shared or kept: each chart has its own.
"""

from keras_matrix.report.plots.chart import Chart
from keras_matrix.report.plots.differences import forest
from keras_matrix.report.plots.durations import times
from keras_matrix.report.plots.layers import divergence
from keras_matrix.report.plots.learning import curves
from keras_matrix.report.plots.output import CSS_CLASS, save, svg
from keras_matrix.report.plots.prediction import reported
from keras_matrix.report.plots.theme import DARK, LIGHT
from keras_matrix.report.plots.timeline import history

__all__ = [
    "CSS_CLASS",
    "DARK",
    "LIGHT",
    "Chart",
    "curves",
    "divergence",
    "forest",
    "history",
    "reported",
    "save",
    "svg",
    "times",
]
