"""Where a difference starts: compare what cells saw when they looked into a model."""
