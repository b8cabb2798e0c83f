"""One cell: its container, its life, its outcome."""
