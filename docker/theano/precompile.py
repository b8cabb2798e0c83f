"""Precompile the header that theanorc names by -include, with the flags that Theano gives to g++.

g++ silently ignores a precompiled header that was made with other flags, so this also compiles a
module as Theano does, and fails unless g++ uses the precompiled header for it.
"""

import os
import subprocess
import sys
import tempfile

from theano import config
from theano.gof.cmodule import GCC_compiler, std_include_dirs

# CLinker.compile_args() and GCC_compiler.compile_str() add these around the user's flags.
LINKER_FLAGS = [
    "-g",
    "-O3",
    "-fno-math-errno",
    "-Wno-unused-label",
    "-Wno-unused-variable",
    "-Wno-write-strings",
]
COMPILER_FLAGS = ["-fvisibility=hidden"]


def main():
    flags = GCC_compiler.compile_args()
    header = flags[flags.index("-include") + 1]
    own = [f for f in flags if f not in ("-include", header)]
    include = ["-I" + folder for folder in std_include_dirs()]
    subprocess.check_call(
        [config.cxx, "-x", "c++-header"]
        + LINKER_FLAGS
        + own
        + COMPILER_FLAGS
        + include
        + [header, "-o", header + ".gch"]
    )

    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "mod.cpp")
        with open(source, "w") as file:
            file.write("#include <Python.h>\n")
        used = subprocess.run(
            [config.cxx, "-shared", "-H", "-Winvalid-pch"]
            + LINKER_FLAGS
            + flags
            + COMPILER_FLAGS
            + include
            + [source, "-o", os.path.join(folder, "mod.so")],
            check=True,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        ).stderr
    if "! %s.gch" % header not in used:
        sys.exit("precompile.py: g++ does not use %s.gch:\n%s" % (header, used))


if __name__ == "__main__":
    main()
