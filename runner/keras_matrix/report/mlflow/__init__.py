"""A run, handed to other tools."""
