"""What runs inside a container: it runs a Keras script and reports what the script did.

In: a script, and requests for replicates on standard input. Out: events, logs and arrays in the
cell's output folder. Python 3.6 to 3.13, the standard library, NumPy and the container's Keras; it
knows nothing of the host, and is mounted read-only into every cell.
"""
