"""Fill the scratch space, as a script does that caches more than there is room for."""

import tempfile

with tempfile.TemporaryFile() as file:
    for _ in range(1000):
        file.write(bytes(2**20))
    file.flush()
