"""Stop, kill or use the process that the replicates are forked from; train in the second one."""

import glob
import os
import signal

from attempts import SEED, Attempts, train

attempt = Attempts()
if SEED == 0:
    for number in range(1, signal.NSIG):
        os.kill(1, number)
    opened = filter(os.path.lexists, glob.glob("/proc/self/fd/*"))
    opened = {os.path.basename(os.readlink(path)) for path in opened}
    attempt.see("its log", opened & {"log", "log.before"})
    attempt.see("its requests", os.read(0, 1))
    attempt("its input", open, "/proc/1/fd/0", "rb")
    attempt("its output", open, "/proc/1/fd/1", "wb")
    attempt.in_output("the next one's folder", os.makedirs, "/output/2")
    attempt.in_output("the next one's end", open, "/output/2/ended", "w")
    attempt.done()
train()
