"""The plan of a run, and the values that all stages share.

In: options that are parsed and checked. Out: a plan of cells, in the order they run. Pure, and of
the standard library only, so that every other package can use these values. It knows no files, no
container engine and no Keras.
"""
