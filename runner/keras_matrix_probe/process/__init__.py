"""The processes of a container: a server that imports Keras once, and a fork for each cell.

In: requests on standard input. Out: a child for each, its output in bounded logs, and nothing of it
left behind. It knows nothing of Keras.
"""
