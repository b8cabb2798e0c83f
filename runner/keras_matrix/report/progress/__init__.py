"""The progress of a run, as lines or as a table that is drawn again.

In: what a run reports to ``run.progress``. Out: text on standard error. It changes nothing of the
run, which continues when the reader of the progress has gone.
"""
