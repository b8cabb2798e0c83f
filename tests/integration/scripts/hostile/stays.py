"""Leave processes, memory, files and settings behind; tell what the replicate before has left."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import threading
import time

from attempts import libc, train

KEY = 4711
FOLDERS = (".", os.environ["HOME"], os.environ["TMPDIR"], "/scratch", "/dev/shm")
found = [folder for folder in FOLDERS if os.path.exists(os.path.join(folder, "left"))]
for name, arguments in (("shmget", (1, 0)), ("semget", (0, 0)), ("msgget", (0,))):
    if getattr(libc, name)(KEY, *arguments) != -1:
        found.append(name)
found += os.listdir("/dev/mqueue") if os.access("/dev/mqueue", os.R_OK) else []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            found += ["a daemon"] if b"daemon" in file.read() else []
    except OSError:
        continue
with socket.socket(socket.AF_UNIX) as client:
    if client.connect_ex("\0left") == 0:
        found.append("a socket")
found += ["an environment"] if "LEFT" in os.environ else []
found += ["a mask"] if os.umask(0) == 0o777 else []
found += ["a priority"] if os.getpriority(os.PRIO_PROCESS, 0) else []
found += ["a limit"] if resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 99 else []
found += ["a handler"] if signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL else []
print("FOUND", found)
train()

for folder in FOLDERS:
    with open(os.path.join(folder, "left"), "w") as file:
        file.write("x")
os.chmod(os.environ["HOME"], 0)
deep = os.getcwd()
for _ in range(3000):
    os.mkdir("deep")
    os.chdir("deep")
os.chdir("/")
libc.shmget(KEY, ctypes.c_size_t(2**20), 0o1666)
libc.semget(KEY, 1, 0o1666)
libc.msgget(KEY, 0o1666)
libc.mq_open(b"/left", os.O_CREAT | os.O_RDWR, 0o666, None)
DAEMON = """
import os, signal, socket, time
if os.fork() == 0:  # daemon
    os.setsid()
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\\0left")
    listening.listen(1)
    print("ready", flush=True)
    while True:
        time.sleep(1)
"""
daemon = subprocess.Popen(["python", "-c", DAEMON], stdout=subprocess.PIPE)
daemon.stdout.readline()
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
os.environ["LEFT"] = "x"
os.umask(0o777)
os.nice(10)
resource.setrlimit(resource.RLIMIT_NOFILE, (99, 99))
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
