"""What runs inside a container: it runs a Keras script and tells what the script did.

A package of its own: Python 3.6 to 3.13, the standard library, NumPy and the container's Keras.
It imports nothing of the host's side and is mounted read-only into every cell.
"""

PROTOCOL = 1
"""Version of the event stream; the host refuses a stream of another version."""
