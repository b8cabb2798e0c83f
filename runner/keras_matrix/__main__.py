"""``python -m keras_matrix``, which is the command ``keras-matrix``."""

from keras_matrix.cli import main

if __name__ == "__main__":
    main()
