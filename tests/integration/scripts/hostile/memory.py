"""Fill all memory that can be had without a process: shared memory and scratch space."""

from attempts import SEED, train

if SEED == 0:
    block = b"x" * 2**20
    for folder in ("/dev/shm", "/scratch/tmp"):
        try:
            for number in range(4096):
                with open(f"{folder}/{number}", "wb") as file:
                    file.write(block)
        except OSError as full:
            print("FULL", folder, full.strerror, flush=True)
    kept = []
    while True:
        kept.append(bytearray(block))
train()
