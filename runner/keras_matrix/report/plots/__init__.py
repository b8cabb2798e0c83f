"""Plots of runs, comparisons, reproductions and traces, each with its numbers as text.

In: comparisons and series. Out: charts, as SVG or PNG. Importing this package loads matplotlib; no
state of matplotlib is shared: each chart has a figure of its own.
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
