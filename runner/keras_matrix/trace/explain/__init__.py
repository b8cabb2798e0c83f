"""Causes that are known for a difference, and small scripts that show it.

In: the findings of a trace. Out: sentences with their sources, and scripts. Pure: it runs nothing.
"""
