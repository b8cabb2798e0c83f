"""Files that several causes were read in."""

THEANO_BACKEND_FILE = "keras/backend/theano_backend.py, tag 2.3.1"
BOTH_BACKEND_FILES = "keras/backend/theano_backend.py and tensorflow_backend.py, tag 2.3.1"
