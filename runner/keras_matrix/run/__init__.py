"""Run the cells of a plan: prepare, reuse or execute, resume.

In: a request. Out: one record for each cell, whatever became of it, in a run folder. It uses the
engine and the images; it knows neither comparisons nor reports.
"""
