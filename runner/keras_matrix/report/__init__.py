"""One comparison, or one trace, in several forms: text, Markdown, JSON, CSV, JUnit, pages, plots.

In: comparisons, traces and histories. Out: text and files. It judges nothing, runs nothing, and
needs no engine.
"""
