"""Never end: every signal is ignored, and so is the end of the script."""

import atexit
import signal
import threading
import time

from attempts import train

for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
threading.Thread(target=time.sleep, args=(600,)).start()
atexit.register(time.sleep, 600)
train()
