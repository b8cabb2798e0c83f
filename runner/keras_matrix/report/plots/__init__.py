"""Plots of runs, comparisons, reproductions and traces, each with its numbers as text.

In: comparisons and series. Out: charts, as SVG or PNG. Importing this package loads matplotlib; no
state of matplotlib is shared: each chart has a figure of its own.
"""

from keras_matrix.report.plots.chart import Chart
from keras_matrix.report.plots.differences import draw_differences
from keras_matrix.report.plots.durations import draw_times
from keras_matrix.report.plots.layers import draw_divergence
from keras_matrix.report.plots.learning import draw_curves
from keras_matrix.report.plots.output import chart_as_svg, save_chart
from keras_matrix.report.plots.prediction import draw_reported
from keras_matrix.report.plots.theme import DARK_COLORS, LIGHT_COLORS
from keras_matrix.report.plots.timeline import draw_history

__all__ = [
    "DARK_COLORS",
    "LIGHT_COLORS",
    "Chart",
    "chart_as_svg",
    "draw_curves",
    "draw_differences",
    "draw_divergence",
    "draw_history",
    "draw_reported",
    "draw_times",
    "save_chart",
]
