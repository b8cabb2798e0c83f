"""Leave files and a process behind, and tell what the replicate before this one has left."""

import os
import subprocess
import sys
import time

PLACES = (".", os.environ["HOME"], os.environ["TMPDIR"], "/scratch", "/dev/shm")
found = [place for place in PLACES if os.path.exists(os.path.join(place, "left"))]
processes = []
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            processes.append(file.read())
    except OSError:
        continue
if any(b"daemon" in process for process in processes):
    found.append("daemon")
print("FOUND", found)

for place in PLACES:
    with open(os.path.join(place, "left"), "w") as file:
        file.write("x")
os.makedirs("deep/er")
os.chmod("deep", 0)
subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)  # daemon"], start_new_session=True
)
time.sleep(0.2)
