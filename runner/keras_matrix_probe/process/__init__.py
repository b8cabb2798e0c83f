"""The processes of a container: a server that imports Keras once, and a fork for each cell."""
