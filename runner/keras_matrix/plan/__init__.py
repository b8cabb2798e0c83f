"""What will run, and on what terms: values, and the functions that plan with them.

In: choices that were checked elsewhere. Out: a plan of cells, in the order they run. Pure, and the
standard library only, so that every other package can use these values. It knows no files, no
engine and no Keras.
"""
