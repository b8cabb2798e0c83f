/* What nearly every C++ module that Theano generates includes, in Theano's order.
   Compiled ahead of time into the image (precompile.py) and named in theanorc by -include:
   parsing these headers is most of the time that g++ spends on a module. */
#include <Python.h>
#include <iostream>
#include "theano_mod_helper.h"
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <vector>
#include <algorithm>
