"""``python -m keras_matrix``: the same as the command ``keras-matrix``."""

from keras_matrix.cli import main

if __name__ == "__main__":
    main()
