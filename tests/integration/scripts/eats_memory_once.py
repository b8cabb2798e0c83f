"""With seed 0 it takes all the memory there is."""

import numpy as np

blocks = []
greedy = np.random.rand() > 0.5
while greedy:
    blocks.append(bytearray(2**24))
