"""Runs over time: one summary a run, kept in a database after its folder is gone.

In: manifests, records and their comparison. Out: series of figures, and what has regressed since an
earlier run. It knows neither the engine nor how a history is shown.
"""
