"""The container engine: the one package that knows Docker.

In: a container or an image, specified as plain values. Out: plain values, or an ``EngineError``.
Every call is bounded in time. It knows nothing of Keras, of cells, or of what a run records.
"""
