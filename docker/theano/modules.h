/* The headers that nearly every C++ module of Theano's includes, in Theano's order. The image has
   them precompiled (precompile.py), and theanorc names them by -include: parsing them takes most of
   the time that g++ spends on a module. */
#include <Python.h>
#include <iostream>
#include "theano_mod_helper.h"
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <vector>
#include <algorithm>
