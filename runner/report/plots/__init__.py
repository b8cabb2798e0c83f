"""Plots of what was recorded, compared, reproduced and traced; with their numbers and words.

To import this loads matplotlib. No figure of it is shared or kept: each chart has its own.
"""

from runner.report.plots.chart import Chart
from runner.report.plots.differences import forest
from runner.report.plots.durations import times
from runner.report.plots.layers import divergence
from runner.report.plots.learning import curves
from runner.report.plots.output import CSS_CLASS, save, svg
from runner.report.plots.prediction import reported
from runner.report.plots.theme import DARK, LIGHT
from runner.report.plots.timeline import history

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
