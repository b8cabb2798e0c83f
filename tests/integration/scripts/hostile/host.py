"""Read what is the host's or another cell's, and write outside of scratch space."""

import glob
import os

from attempts import Attempts, read, write

attempt = Attempts()


def first(folder):
    """Return the first name in a folder."""
    return os.listdir(folder).pop()


for path in (
    "/proc/1/environ",
    "/proc/1/mem",
    "/proc/1/maps",
    "/proc/kcore",
    "/proc/kmsg",
    "/proc/keys",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/sda",
    "/etc/shadow",
    "/sys/firmware/dmi/tables/DMI",
):
    attempt(f"reading {path}", read, path)
for path in ("/proc/1/root", "/proc/1/cwd", "/proc/1/fd", "/script/results", "/sys/firmware"):
    attempt(f"listing {path}", first, path)
for path in (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sysrq-trigger",
    "/proc/1/oom_score_adj",
    "/proc/1/mem",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/notify_on_release",
    "/dev/new",
    "/output/../new",
    "/script/new",
    "/keras-home/keras.json",
    "/keras-matrix/keras_matrix_probe/process/serve.py",
    "/usr/local/lib/python3.6/site-packages/keras/new.py",
    "/etc/passwd",
    "/tmp/new",
    "/run/new",
    "/root/new",
    "/new",
):
    attempt(f"writing {path}", write, path)
attempt.see("others' output", glob.glob("/output/*")[1:])
attempt.in_output("writing /output/new", write, "/output/new")
attempt.done()
