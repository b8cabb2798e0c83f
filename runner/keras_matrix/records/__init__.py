"""What cells recorded: read with distrust, checked, and kept on disk.

In: bytes that a container wrote, which nobody has checked. Out: records with bounds on every field,
and run folders whose files are whole or absent. It knows neither the engine nor how figures are
compared.
"""
