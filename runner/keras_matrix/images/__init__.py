"""Images: their content keys, bases, builds, locks and checks."""
