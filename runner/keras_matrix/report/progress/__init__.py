"""The progress of a run, as lines or as a table that is drawn again.

In: what :class:`keras_matrix.run.progress.Progress` is told. Out: text on standard error.
"""
