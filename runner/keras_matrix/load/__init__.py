"""What users write, read and checked: scripts, notebooks, tests, catalogs, tolerances, options.

In: paths and texts. Out: values that need no further check, or an error of one sentence that names
the file, the mistake and the remedy. It knows neither the container engine nor the records of
cells.
"""
