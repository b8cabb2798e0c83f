"""A report as one HTML file, for a browser without a network.

In: runs loaded from disk, with their comparisons. Out: one page, its plots and styles inside. No
text of a script or a container reaches the page unescaped.
"""
