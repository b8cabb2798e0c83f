"""What records measured, compared with each other and with tolerances.

In: records. Out: comparisons, with a verdict on each figure. Pure functions, but for ``assess``,
which reads stored arrays. It knows neither the engine nor how a comparison is shown.
"""
