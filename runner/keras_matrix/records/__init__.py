"""What cells recorded: parsed as untrusted, checked, and kept on disk.

In: bytes that a container wrote. Out: records with bounds on every field, run folders whose files
are whole or absent, and a run read once. It knows neither the engine nor how figures are compared.
"""
