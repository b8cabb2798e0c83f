"""Look into a model at its first training call: what ``keras-matrix trace`` does inside a cell."""
