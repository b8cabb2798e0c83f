"""With seed 0 it never ends, nor do its children, whatever they are asked."""

import os
import signal
import time

import numpy as np

if np.random.rand() > 0.5:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
    time.sleep(600)
