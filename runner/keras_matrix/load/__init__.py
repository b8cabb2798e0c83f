"""What users write: scripts, notebooks, tests, catalogs, tolerances, options; read and checked.

In: paths and texts. Out: values that need no further check, or one sentence that says which file is
wrong and how to mend it. It knows neither the engine nor what cells record.
"""
