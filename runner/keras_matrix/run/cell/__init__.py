"""One cell: its container, its folders, the wait for its end, and its outcome.

In: a cell of a plan, and an engine to run it on. Out: what the cell made, checked. Everything that
a container writes is read with distrust. It knows no other cell.
"""
