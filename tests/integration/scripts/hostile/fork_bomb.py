"""Fork as often as possible in the first replicate; train in the second."""

import os
import signal
import time

from attempts import SEED, train

if SEED == 0:
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                continue
    children = 0
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
                while True:
                    try:
                        os.fork()
                    except OSError:
                        time.sleep(0.1)
            children += 1
        except OSError as refused:
            print("REFUSED", refused.strerror, flush=True)
            os._exit(0)
train()
