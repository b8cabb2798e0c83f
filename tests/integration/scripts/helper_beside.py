"""A module beside the script."""

import os

import numpy as np


def rows():
    folder = os.path.dirname(os.path.abspath(__file__))
    table = np.loadtxt(os.path.join(folder, "rows.csv"), delimiter=",")
    return table[:, :3], table[:, 3]
