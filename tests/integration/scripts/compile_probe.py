"""Compile every module of the probe that this cell is run by, with the image's own Python."""

import os
import sys

count = 0
for folder, _, files in os.walk("/keras-matrix/keras_matrix_probe"):
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                compile(file.read(), path, "exec")
            count += 1
version = ".".join(map(str, sys.version_info[:2]))
print("compiled", count, "modules with Python", version)
